"""`on_cpu`: a kernel as a function for the processor, block after block, or several blocks at once."""

import ast
from collections.abc import Callable
from copy import deepcopy
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit, prange, typeof

from hpcampus_kernels.cpu.collectives import Collective
from hpcampus_kernels.cpu.device import PLACES, SIZES
from hpcampus_kernels.cpu.fission import Fission, Split, gains
from hpcampus_kernels.cpu.names import Names, meet
from hpcampus_kernels.cpu.rewrite import Rewriter, Unit
from hpcampus_kernels.cpu.trees import all_blocks, all_threads, function, name
from hpcampus_kernels.simulator.convert import python_function
from hpcampus_kernels.simulator.launch import extent

BLOCK = PLACES[:3]
Driver = Callable[..., None]


def on_cpu(kernel: Any, *, parallel: bool = True, bounds: bool = True) -> "CpuKernel":
    """The kernel for a CPU: `on_cpu(kernel)[grid, block](*arrays)` changes the arrays as a GPU would.

    Blocks run at the same time on all cores, unless the kernel has atomic operations or `parallel` is False.
    With `bounds`, an index behind the end of an array is an IndexError; without, it is as fast as it can be,
    and a wrong kernel damages memory. A kernel whose threads meet, at barriers or in operations of a warp, is
    split there; a warp has 32 threads. What has no counterpart on a CPU is an UnsupportedError that names it.
    A RuntimeError says that not all threads came to where they should meet.
    """
    return CpuKernel(python_function(kernel), parallel=parallel, bounds=bounds)


class CpuKernel:
    """A kernel that was translated; it compiles at its first launch, for the types it gets."""

    def __init__(self, original: FunctionType, *, parallel: bool, bounds: bool) -> None:
        self.py_func = original
        self._options: dict[str, Any] = {"error_model": "numpy", "boundscheck": bounds}
        self._parallel = parallel
        self._done: dict[FunctionType, tuple[Any, bool]] = {}
        self._drivers: dict[Any, tuple[Driver, list[Collective]]] = {}
        self._meets = meet(original) or gains(original)

    def __getitem__(self, launch: tuple[Any, ...]) -> Callable[..., None]:
        grid, block, *rest = launch
        sizes = (*extent(grid, "grid"), *extent(block, "block"))
        dynamic = int(rest[1]) if len(rest) > 1 else 0

        def run(*arguments: Any) -> None:
            key = tuple(map(typeof, arguments))
            driver, sites = self._drivers.get(key) or self._drivers.setdefault(key, self._driver(key))
            failed = np.zeros(1, np.int64)
            driver(*sizes, dynamic, failed, *arguments)
            if failed[0]:
                raise RuntimeError(self._failure(sites, int(failed[0]) - 1))

        return run

    def _driver(self, kinds: tuple[Any, ...]) -> tuple[Driver, list[Collective]]:
        """The function for all blocks of the grid, and the places where threads meet."""
        split = Fission(self.py_func, self._function).split(kinds) if self._meets else self._whole()
        parameters = [*SIZES, *BLOCK, "_dynamic", "_failed", *split.parameters]
        block = njit(**self._options)(function("block", parameters, split.body, split.globals))
        call = ast.Expr(ast.Call(name("block"), [name(text) for text in parameters], []))
        parallel = self._parallel and not split.atomics
        loop = all_blocks([call], "prange" if parallel else "range")
        given = [text for text in parameters if text not in BLOCK]
        grid = function("grid", given, [loop], {"block": block, "prange": prange})
        return njit(parallel=parallel, **self._options)(grid), split.sites

    def _whole(self) -> Split:
        """A kernel that needn't be split: a call for each thread."""
        thread, atomics = self._function(self.py_func)
        parameters = [argument.arg for argument in Names(self.py_func).tree.args.args]
        passed = [*map(name, (*SIZES, *PLACES, *parameters))]
        body = all_threads([ast.Expr(ast.Call(name("thread"), list[ast.expr](passed), []))])
        return Split([body], parameters, {"thread": thread}, atomics, [])

    def _function(self, original: FunctionType) -> tuple[Any, bool]:
        """A device function for one thread, and whether it has atomic operations."""
        if original not in self._done:
            names, unit = Names(original), Unit()
            tree = deepcopy(names.tree)
            rewriter = Rewriter(names, unit, self._function, meet)
            body = [rewriter.visit(statement) for statement in tree.body]
            parameters = [*SIZES, *PLACES, *(argument.arg for argument in tree.args.args)]
            made = function(original.__name__, parameters, body, unit.globals)
            made.__defaults__ = original.__defaults__
            self._done[original] = njit(**self._options)(made), unit.atomics
        return self._done[original]

    def _failure(self, sites: list[Collective], number: int) -> str:
        """What went wrong where threads meet."""
        site, from_nowhere = sites[number // 2], number % 2
        what = (
            "a thread takes the value of a lane that isn't there"
            if from_nowhere
            else "some threads come to it while others, which it waits for, don't"
        )
        return f"cuda.{site.operation} in line {site.lineno}: {what}. On a GPU it has no meaning."
