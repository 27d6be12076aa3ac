"""What is judged of a kernel: its source, and the numbers, types and names that the source uses.

Nothing else of the object that was handed in counts: not its methods, its attributes or its compiled code. So
there is nothing that it could bring along.
"""

import ast
import inspect
import math
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from hpcampus_kernels import backend, simulated
from hpcampus_kernels.simulator.convert import CUDA_MODULES

# What a name stands for: its sort, and a number, a type's name, a path in `cuda`, or the place of a function.
Meaning = tuple[str, Any]
NUMBER, TYPE, MATH, CUDA, FUNCTION, TUPLE, MODULE, UNKNOWN = (
    "number",
    "type",
    "math",
    "cuda",
    "function",
    "tuple",
    "module",
    "unknown",
)
RANDOM_NUMBERS = "xoroshiro128p_"


class UnfitError(ValueError):
    """This can't be judged; the message says why, to the person who wrote it."""


@dataclass(frozen=True)
class Function:
    """The kernel, or a device function that it calls: its `def` without decorators, and its names."""

    name: str
    file: str
    line: int
    source: str
    names: Mapping[str, Meaning]


@dataclass(frozen=True)
class Submission:
    """A kernel, which comes first, and all device functions that it calls."""

    functions: tuple[Function, ...]

    @property
    def kernel(self) -> Function:
        """The kernel itself."""
        return self.functions[0]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Those of the kernel."""
        definition = ast.parse(self.kernel.source)
        return tuple(node.arg for node in ast.walk(definition) if isinstance(node, ast.arg))

    def as_data(self) -> list[dict[str, Any]]:
        """For another process; `from_data` is the way back."""
        return [asdict(function) for function in self.functions]

    @classmethod
    def from_data(cls, data: list[dict[str, Any]]) -> "Submission":
        """What `as_data` gave."""
        functions = []
        for one in data:
            names = {str(name): (str(sort), value) for name, (sort, value) in one["names"].items()}
            texts = (str(one["name"]), str(one["file"]), int(one["line"]), str(one["source"]))
            functions.append(Function(*texts, names))
        return cls(tuple(functions))


def submission(kernel: Any) -> Submission:
    """Read what @cuda.jit made of a function; UnfitError if it is something else, or has no source."""
    function = getattr(kernel, "py_func", None)
    if not isinstance(function, FunctionType):
        raise UnfitError("This is no kernel: put @cuda.jit on the line above its `def`.")
    return _Reader().read(function)


class _Reader:
    def __init__(self) -> None:
        self._waiting: list[FunctionType] = []

    def read(self, kernel: FunctionType) -> Submission:
        self._waiting.append(kernel)
        done: list[Function] = []
        while len(done) < len(self._waiting):
            done.append(self._function(self._waiting[len(done)]))
        return Submission(tuple(done))

    def _function(self, function: FunctionType) -> Function:
        code = function.__code__
        try:
            lines, first = inspect.getsourcelines(function)
            definition = ast.parse(textwrap.dedent("".join(lines))).body[0]
        except (OSError, TypeError, SyntaxError, IndexError):
            definition = None
        if not isinstance(definition, ast.FunctionDef):
            reason = "write it with `def` in a cell or in a file"
            raise UnfitError(f"The source of {code.co_name} can't be read: {reason}.")
        below = textwrap.dedent("".join(lines)).splitlines(keepends=True)[definition.lineno - 1 :]
        values = _values(function)
        used = {node.id for node in ast.walk(definition) if isinstance(node, ast.Name)}
        names = {name: self._meaning(values[name]) for name in sorted(used & values.keys())}
        return Function(
            definition.name, code.co_filename, max(first, 1) + definition.lineno - 1, "".join(below), names
        )

    def _meaning(self, value: Any) -> Meaning:
        if isinstance(value, tuple) and type(value) is tuple:
            return TUPLE, [self._meaning(one) for one in value]
        if getattr(value, "__name__", "").startswith(RANDOM_NUMBERS):
            return CUDA, f"random.{value.__name__}"
        if isinstance(value, FunctionType) and not _of_cuda(value):
            return FUNCTION, self._place(value)
        if isinstance(function := getattr(value, "py_func", None), FunctionType):
            return FUNCTION, self._place(function)
        return _plain(value)

    def _place(self, function: FunctionType) -> int:
        if function not in self._waiting:
            self._waiting.append(function)
        return self._waiting.index(function)


def _values(function: FunctionType) -> dict[str, Any]:
    """The globals of a function and what it closes over, as far as that has a value yet."""
    values = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:
            continue
    return values


def _plain(value: Any) -> Meaning:  # noqa: PLR0911 - one for each sort of value
    if type(value) in (bool, int, float):
        return NUMBER, ["python", repr(value)]
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return NUMBER, [value.dtype.name, repr(value.item())]
    if isinstance(value, type) and issubclass(value, np.generic):
        return TYPE, ["numpy", np.dtype(value).name]
    if isinstance(value, backend.Type):
        return TYPE, ["numba", str(value)]
    if isinstance(value, simulated.OnDevice):
        return CUDA, value.__name__
    if isinstance(value, ModuleType):
        if value is getattr(backend.cuda, "random", None):
            return CUDA, "random"
        is_cuda = value is simulated or value.__name__ in CUDA_MODULES
        return (CUDA, "") if is_cuda else (MODULE, value.__name__)
    return _named(value)


def _named(value: Any) -> Meaning:
    name = getattr(value, "__name__", type(value).__name__)
    if _of_cuda(value):
        return CUDA, str(name)
    if getattr(math, str(name), None) is value:
        return MATH, str(name)
    return UNKNOWN, type(value).__name__


def _of_cuda(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith(CUDA_MODULES) and not hasattr(value, "py_func")
