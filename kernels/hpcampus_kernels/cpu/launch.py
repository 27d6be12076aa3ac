"""`on_cpu`: a kernel as a function for the processor, block after block, or several blocks at once."""

import ast
from collections.abc import Callable
from copy import deepcopy
from types import FunctionType
from typing import Any

from numba import prange

from hpcampus_kernels.cpu.device import PLACES, SIZES
from hpcampus_kernels.cpu.fission import Fission, of_blocks
from hpcampus_kernels.cpu.rewrite import Names, Rewriter
from hpcampus_kernels.cpu.trees import DEFAULTS, all_blocks, all_threads, compiled, name
from hpcampus_kernels.simulator.convert import python_function
from hpcampus_kernels.simulator.launch import extent
from hpcampus_kernels.simulator.source import definition
from hpcampus_kernels.simulator.translate import local_names

Driver = Callable[..., None]


def on_cpu(kernel: Any, *, parallel: bool = True, bounds: bool = True) -> "CpuKernel":
    """The kernel for a CPU: `on_cpu(kernel)[grid, block](*arrays)` changes the arrays as a GPU would.

    Blocks run at the same time on all cores, unless the kernel has atomic operations or `parallel` is False.
    With `bounds`, an index behind the end of an array is an IndexError; without, it is as fast as it can be,
    and a wrong kernel damages memory. A kernel with barriers is split at them. What has no counterpart on a
    CPU (shuffles, votes, barriers that only some threads reach) is an UnsupportedError that names it.
    """
    return CpuKernel(python_function(kernel), parallel=parallel, bounds=bounds)


class CpuKernel:
    """A kernel that was translated; it compiles at its first launch, for the types it gets."""

    def __init__(self, function: FunctionType, *, parallel: bool, bounds: bool) -> None:
        self.py_func = function
        self._options: dict[str, Any] = {"error_model": "numpy", "boundscheck": bounds}
        self._parallel = parallel
        self._done: dict[FunctionType, tuple[Any, bool]] = {}
        self._drivers: dict[Any, Driver] = {}
        self._tree = definition(function)
        self._split = of_blocks(self._tree, Names(function, local_names(self._tree)))

    def __getitem__(self, launch: tuple[Any, ...]) -> Callable[..., None]:
        grid, block, *rest = launch
        sizes = (*extent(grid, "grid"), *extent(block, "block"))
        dynamic = int(rest[1]) if len(rest) > 1 else 0

        def run(*arguments: Any) -> None:
            self._driver(arguments)(*sizes, dynamic, *arguments)

        return run

    def _driver(self, arguments: tuple[Any, ...]) -> Driver:
        if not self._split:
            return self._drivers.get(()) or self._drivers.setdefault((), self._together())
        fission = Fission(self.py_func, arguments)
        if fission.key not in self._drivers:
            self._drivers[fission.key] = self._apart(fission)
        return self._drivers[fission.key]

    def _together(self) -> Driver:
        """A kernel without barriers: one call for each thread, which the compiler puts in place."""
        body, atomics = self._function(self.py_func)
        passed = [name(text) for text in (*SIZES, *PLACES, *self._parameters())]
        thread = ast.Expr(ast.Call(name("_body"), list[ast.expr](passed), []))
        return self._blocks([all_threads([thread])], {"_body": body}, atomics)

    def _apart(self, fission: Fission) -> Driver:
        """A kernel with barriers: what is between two of them runs for all threads of a block."""
        rewriter = Rewriter(Names(self.py_func, local_names(self._tree)), self._function)
        body = fission.split(deepcopy(self._tree), rewriter)
        return self._blocks(body, rewriter.globals, rewriter.atomics)

    def _parameters(self) -> list[str]:
        return [argument.arg for argument in self._tree.args.args]

    def _blocks(self, body: list[ast.stmt], names: dict[str, Any], atomics: bool) -> Driver:
        """The driver: all blocks of the grid."""
        parallel = self._parallel and not atomics
        loop = all_blocks(body, "prange" if parallel else "range")
        driver: Driver = compiled(
            "driver",
            [*SIZES, "_dynamic", *self._parameters()],
            [loop],
            {**names, "prange": prange},
            {**self._options, "parallel": parallel},
        )
        return driver

    def _function(self, original: FunctionType) -> tuple[Any, bool]:
        """A kernel or device function for one thread, and whether it has atomic operations."""
        if original not in self._done:
            tree = deepcopy(definition(original))
            rewriter = Rewriter(Names(original, local_names(tree)), self._function)
            body = [rewriter.visit(statement) for statement in tree.body]
            parameters = [*SIZES, *PLACES, *(argument.arg for argument in tree.args.args)]
            names = {**rewriter.globals, DEFAULTS: original.__defaults__}
            made = compiled(original.__name__, parameters, body, names, self._options)
            self._done[original] = made, rewriter.atomics
        return self._done[original]
