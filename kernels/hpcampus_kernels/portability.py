"""A lint for kernels that are to run on NVIDIA's and AMD's GPUs alike: `portable`.

The portable subset is what numba-cuda, numba-cuda-mlir and numba-hip have in common: indices, shared and
local arrays, the barrier of a block, atomic add, min, max and compare-and-swap at one index, shuffles with
`cuda.warpsize`, and numbers of 32 and 64 bits. A warp has 32 lanes on NVIDIA's GPUs and 64 on AMD's Instinct
GPUs, so a number that means 32 is a mistake.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from hpcampus_kernels.simulated import OnDevice
from hpcampus_kernels.simulator.convert import CUDA_MODULES, python_function
from hpcampus_kernels.simulator.log import Line

INDICES = {"grid", "gridsize", "threadIdx", "blockIdx", "blockDim", "gridDim", "laneid", "warpsize"}
SHUFFLES = {"shfl_sync", "shfl_up_sync", "shfl_down_sync", "shfl_xor_sync"}
ATOMICS = {"add", "min", "max", "cas", "compare_and_swap"}
SUBSET = {*INDICES, *SHUFFLES, "shared", "local", "atomic", "syncthreads", "syncwarp"}
# What to write instead of what is not in the subset.
INSTEAD = {
    "cg": "two launches, one after the other: the end of a kernel is a barrier for the whole grid",
    "const": "an argument of the kernel",
    "libdevice": "the function of that name in math",
    "fp16": "float32",
    "random": "numbers drawn before the launch, given as an argument",
    "fma": "a * b + c, which the compiler contracts",
    "syncthreads_count": "atomic.add to a shared counter between two barriers",
    "syncthreads_and": "atomic.min on a shared element between two barriers",
    "syncthreads_or": "atomic.max on a shared element between two barriers",
    "atomic.sub": "atomic.add of the negative value",
    "atomic.inc": "atomic.add of 1, and a remainder when it is read",
}
FEW_BITS = {"float16", "bfloat16"}
# A warp of 32: `% 32` and `& 31` give the lane, `// 32` and `>> 5` the warp.
LANES_OF_32 = {(ast.Mod, 32), (ast.FloorDiv, 32), (ast.BitAnd, 31), (ast.RShift, 5)}
FULL_MASK, HALF_A_WARP = 0xFFFFFFFF, 16


@dataclass(frozen=True)
class Remark:
    """Something outside the portable subset: its line, what it is, and what to write instead."""

    line: Line
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.line}: {self.found}; write {self.instead}"


def portable(kernel: Any) -> tuple[Remark, ...]:
    """What keeps a kernel, or a device function that it calls, from other GPUs; nothing if it is portable.

    It reads the source, so that a kernel whose source can't be read is an OSError.
    """
    remarks: dict[Remark, None] = {}
    waiting, seen = [python_function(kernel)], set[FunctionType]()
    while waiting:
        function = waiting.pop()
        if function not in seen:
            seen.add(function)
            reader = _Reader(function)
            remarks.update(dict.fromkeys(reader.remarks()))
            waiting += reader.called
    return tuple(sorted(remarks, key=lambda remark: (remark.line.file, remark.line.number)))


class _Reader:
    """Reads one function."""

    def __init__(self, function: FunctionType) -> None:
        self.file, self.names = function.__code__.co_filename, _names(function)
        lines, first = inspect.getsourcelines(function)
        self.tree = ast.parse(textwrap.dedent("".join(lines)))
        ast.increment_lineno(self.tree, first - 1)
        self.called: list[FunctionType] = []
        self.of_threads = _derived(self.tree, {"threadIdx", "laneid"})

    def remarks(self) -> Iterator[Remark]:
        """What is outside the subset, in the order of the tree."""
        (definition,) = self.tree.body
        # Decorators run on the host.
        for statement in definition.body if isinstance(definition, ast.FunctionDef) else [definition]:
            for node in ast.walk(statement):
                for found, instead in self._at(node):
                    yield Remark(Line(self.file, getattr(node, "lineno", 0)), found, instead)

    def _at(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield from self._name(node)
        elif isinstance(node, ast.Call):
            yield from self._call(node)
        elif isinstance(node, ast.BinOp):
            yield from self._arithmetic(node)

    def _name(self, node: ast.Name | ast.Attribute) -> Iterator[tuple[str, str]]:
        last = node.id if isinstance(node, ast.Name) else node.attr
        if last in FEW_BITS:
            yield f"{last} is not on every GPU", "float32"
        function = getattr(self.names.get(last), "py_func", self.names.get(last))
        if isinstance(node, ast.Name) and isinstance(function, FunctionType) and not _of_cuda(function):
            self.called.append(function)
        path = self._path(node)
        if path is None:
            return
        first, _, rest = path.partition(".")
        if first not in SUBSET and not rest:
            yield f"cuda.{path} is not on every GPU", INSTEAD.get(path, "shared memory, barriers and atomics")
        if first == "atomic" and rest and rest not in ATOMICS:
            yield f"cuda.{path} is not on every GPU", INSTEAD.get(path, "a loop around atomic.cas")

    def _call(self, node: ast.Call) -> Iterator[tuple[str, str]]:
        path = self._path(node.func) or ""
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            yield "print is not on every GPU", "values into an array, and print them on the host"
        if path.startswith("atomic.") and len(node.args) > 1 and isinstance(node.args[1], ast.Tuple):
            yield "an atomic operation at several indices is not on every GPU", "one index into a flat array"
        if path.endswith("_sync") or path == "syncwarp":
            if node.args and _number(node.args[0]) == FULL_MASK:
                yield "this mask has 32 lanes, but a warp may have 64", "-1, which means all"
            if path in SHUFFLES and len(node.args) > 2 and self._half_a_warp(node.args[2]):
                yield "a step of 16 is half of a warp of 32 only", "cuda.warpsize // 2"

    def _arithmetic(self, node: ast.BinOp) -> Iterator[tuple[str, str]]:
        number = _number(node.right)
        if (type(node.op), number) in LANES_OF_32 and _mentions(node.left, self.of_threads):
            yield f"{ast.unparse(node)} takes a warp for 32 threads", "cuda.warpsize"

    def _half_a_warp(self, step: ast.expr) -> bool:
        """Whether a step is 16, or a variable that starts there."""
        if _number(step) == HALF_A_WARP:
            return True
        starts = [
            value
            for node in ast.walk(self.tree)
            for target, value in _bindings(node)
            if isinstance(step, ast.Name) and step.id == target
        ]
        return any(_number(part) == HALF_A_WARP for value in starts for part in _parts(value))

    def _path(self, node: ast.AST) -> str | None:
        """What comes after `cuda.`, however it was imported; None for everything else."""
        if isinstance(node, ast.Name):
            value = self.names.get(node.id)
            if isinstance(value, OnDevice):
                return value.__name__
            named = _of_cuda(value) and not isinstance(value, ModuleType)
            return str(getattr(value, "__name__", node.id)) if named else None
        if not isinstance(node, ast.Attribute):
            return None
        if isinstance(node.value, ast.Name) and isinstance(self.names.get(node.value.id), ModuleType):
            return node.attr if self.names[node.value.id].__name__ in CUDA_MODULES else None
        before = self._path(node.value)
        return f"{before}.{node.attr}" if before else None


def _names(function: FunctionType) -> dict[str, Any]:
    """The globals of a function, and what it closes over."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}


def _of_cuda(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith(CUDA_MODULES) and not hasattr(value, "py_func")


def _derived(tree: ast.AST, sources: set[str]) -> set[str]:
    """These names, and the variables that are computed from them."""
    known = set(sources)
    while True:
        bound = (pair for node in ast.walk(tree) for pair in _bindings(node))
        more = {target for target, value in bound if _mentions(value, known)} - known
        if not more:
            return known
        known |= more


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The variables that a statement gives a value, each with the value."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.For):
        yield from _pairs(node.target, node.iter)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple):
        same = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        values = value.elts if isinstance(value, ast.Tuple) and same else [value] * len(target.elts)
        for one, its in zip(target.elts, values, strict=True):
            yield from _pairs(one, its)


def _parts(value: ast.expr) -> list[ast.expr]:
    """A value itself, or those of a tuple or a list of them."""
    return value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]


def _mentions(node: ast.AST, names: set[str]) -> bool:
    """Whether a value is computed from these; an element at such an index is not."""
    if isinstance(node, ast.Subscript):
        return False
    name = getattr(node, "id", None) or getattr(node, "attr", None)
    return name in names or any(_mentions(part, names) for part in ast.iter_child_nodes(node))


def _number(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
