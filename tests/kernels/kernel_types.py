"""Types that Numba gives to the variables of kernels, for a device that need not be there.

    NUMBA_ENABLE_CUDASIM=0 python kernel_types.py

Prints a line of JSON for each kernel of each problem: its problem, its version, and what is float64 in it.
A program of its own, because Numba chooses between a device and its simulator once for a process.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
from hpcampus_kernels import PROBLEMS, Problem
from hpcampus_kernels.problem import Kernel
from numba.cuda import dispatcher
from numba.cuda.compiler import compile_cuda

CAPABILITY = (8, 0)
# For a function that a kernel calls, Numba asks the present device what it is capable of.
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CAPABILITY)


def float64(kernel: Kernel, problem: Problem) -> list[str]:
    """The variables of a kernel that are float64, with their lines."""
    values = problem.arguments(problem.cases[0].size, np.random.default_rng(1))
    signature = tuple(numba.typeof(value) for value in values)
    result: Any = compile_cuda(kernel.py_func, numba.void, signature, cc=CAPABILITY)
    types = result.type_annotation.typemap
    return sorted(name for name, kind in types.items() if "float64" in str(kind))


def main() -> None:
    """All kernels of all problems."""
    for name, problem in PROBLEMS.items():
        kernels = {"gpu": problem.gpu} | {wrong.name: wrong.kernel for wrong in problem.wrong}
        for version, kernel in kernels.items():
            line = {"problem": name, "version": version, "float64": float64(kernel, problem)}
            sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
