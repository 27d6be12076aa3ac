"""What the warm parent does once, so that no submission has to: imports, first cells, Numba's compiler.

Only modules that the course itself imports are imported, and only code of this package is run.
"""

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any

from hpcampus_grading.sandbox.inside import seccomp


def import_all(names: Iterable[str]) -> list[str]:
    """Import what can be imported; answers the names that can't, for the cells themselves to fail on."""
    failed = []
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:  # whatever a library does when it is imported must not end the parent
            failed.append(name)
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")  # NumPy imports it at first use, and each child seeds it
    return failed


def warm_numba() -> None:
    """Compile a few functions of the kinds that exercises have, where Numba is used at all."""
    if "numba" not in sys.modules:
        return
    with contextlib.suppress(Exception):
        from hpcampus_grading.sandbox.inside import numba_functions  # noqa: PLC0415 (only where there is Numba)

        numba_functions.compile_all()


def warm_shell(shell: Any, outputs: Any) -> None:
    """Run cells that import nothing, show, print and fail: IPython loads the parts for them at first use."""
    for source in ("1 + 1", "print(1)", "assert 1 == 2", "x = (", "%pwd"):
        shell.run_cell(source, store_history=False)
        outputs.reset()
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    shell.reset(new_session=True, aggressive=False)


def warm_walls() -> None:
    """Write the program of the filter for system calls."""
    with contextlib.suppress(KeyError):  # a machine for which there is none
        for internet in (True, False):
            seccomp.program(os.uname().machine, internet=internet)


def freeze() -> None:
    """Let no child's garbage collection touch what all share, or the kernel copies it page by page."""
    gc.collect()
    gc.freeze()
