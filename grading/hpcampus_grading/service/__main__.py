"""Run the exchange as a service of JupyterHub: `python -m hpcampus_grading.service`."""

import gc

# While modules are loaded hardly anything becomes garbage, and looking for it takes a sixth of the start.
gc.disable()

from hpcampus_grading.service.serving import main  # noqa: E402

if __name__ == "__main__":
    main()
