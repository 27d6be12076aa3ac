"""Run the exchange as a service of JupyterHub: `python -m hpcampus_grading.service`."""

import ctypes
import gc
import signal

_PR_SET_PDEATHSIG = 1

# A hub that is killed can't stop its services, and one left behind would keep the port from the next hub's.
# So the kernel is asked to stop this process when its parent dies, before the imports below take their time.
ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

# While modules are loaded hardly anything becomes garbage, and looking for it takes a sixth of the start.
gc.disable()

from hpcampus_grading.service.serving import main  # noqa: E402

if __name__ == "__main__":
    main()
