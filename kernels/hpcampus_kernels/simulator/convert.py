"""Makes a kernel run here: translated, with `cuda` and `math` exchanged, in globals of its own."""

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from sys import _getframe
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import types

from hpcampus_kernels.simulator import arithmetic, xoroshiro
from hpcampus_kernels.simulator.device import Device
from hpcampus_kernels.simulator.log import Line
from hpcampus_kernels.simulator.memory import DeviceArray
from hpcampus_kernels.simulator.source import definition
from hpcampus_kernels.simulator.static import INDEX, Array, Known, Number, Static, of_number
from hpcampus_kernels.simulator.threads import Dim3
from hpcampus_kernels.simulator.translate import Translator
from hpcampus_kernels.simulator.values import UnsupportedError, device_math, scalar

CUDA_MODULES = (
    "hpcampus_kernels.simulated",
    "numba.cuda",
    "numba_cuda.numba.cuda",
    "numba_cuda_mlir.cuda",
    "numba.hip",
)
OWN = tuple(f"hpcampus_kernels.simulator.{name}" for name in ("device", "intrinsics", "values"))
RANDOM = tuple(f"{module}.random" for module in CUDA_MODULES)


def python_function(kernel: Any) -> FunctionType:
    """The Python function of a kernel, decorated or not."""
    function = getattr(kernel, "py_func", None) or getattr(kernel, "fn", None) or kernel
    if not isinstance(function, FunctionType):
        raise TypeError(f"{kernel!r} is no kernel: give a function, with or without @cuda.jit")
    return function


class Converter:
    """Converts a kernel and all functions that it calls; `counting` counts operations and branches, too."""

    def __init__(self, device: Device, counting: bool) -> None:
        self.device, self.sites, self.counting = device, device.sites, counting
        self.logging = device.log is not None
        self.functions: dict[str, FunctionType] = {}
        self.counts: list[int] = []
        self._places: dict[Line, int] = {}
        self.loops: set[int] = set()
        self._done: dict[Any, tuple[str, Translator]] = {}
        if device.log is not None:
            self.push, self.keep = device.log.entries.append, device.log.values.append

    def kernel(self, function: FunctionType, values: Iterable[Any]) -> tuple[Callable[..., Any], bool]:
        """The kernel for these arguments, and whether it is a generator, because its threads wait."""
        names = function.__code__.co_varnames
        known = {name: self.of_argument(value) for name, value in zip(names, values, strict=False)}
        name, translator = self.specialised(function, known)
        return self.functions[name], translator.waits

    def of_argument(self, value: Any) -> Static:
        """What is known of an argument, which may differ from launch to launch."""
        if isinstance(value, DeviceArray):
            return Array(value.dtype, value.ndim, whole=True)
        number = of_number(value)
        return Number(number.kind) if isinstance(number, Number) else number

    def specialised(
        self, function: FunctionType, known: dict[str, Static], at: Line | None = None
    ) -> tuple[str, "Translator"]:
        """A function for parameters of which that is known: its name in `functions`, and its translator.

        What happens in a function of the library is said of the line `at` that calls it.
        """
        key = function, tuple(known.items()), at
        if key in self._done:
            return self._done[key]
        name = f"{function.__name__}:{len(self._done)}"
        lookup = Names(function, self)
        translator = Translator(self, lookup, known, at)
        self._done[key] = name, translator
        tree = ast.Module([translator.function(definition(function))], [])
        exec(compile(tree, function.__code__.co_filename, "exec"), lookup.names)  # noqa: S102 - the kernel itself
        made = lookup.names[function.__name__]
        made.__defaults__ = _scalars(function.__defaults__)
        made.__kwdefaults__ = function.__kwdefaults__
        self.functions[name] = made
        return name, translator

    def is_extent(self, value: Any, name: str) -> bool:
        """Whether an attribute of a value is the extent of a block, a grid or a warp."""
        return isinstance(value, Dim3) or (value is self.device and name == "warpsize")

    def is_function(self, value: Any) -> bool:
        """Whether that is a function to be translated."""
        return isinstance(value, FunctionType) and value.__module__ not in OWN

    def of_the_device(self, value: Any) -> bool:
        """Whether that is a method of the simulated device or of a part of it."""
        return any(getattr(value, "__self__", None) is part for part in self.device.parts)

    def value(self, value: Any, name: str) -> Any:
        """What stands for that value in a kernel."""
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, np.ndarray):
            return self.device.constant(value, name)
        if getattr(value, "__module__", None) in RANDOM:
            return getattr(xoroshiro, value.__name__)
        if isinstance(getattr(value, "py_func", None), FunctionType):
            return value.py_func
        if _of_the_device(value):
            return self._by_name(getattr(value, "__name__", name))
        return scalar(value)

    def static_of(self, value: Any) -> Static:
        """What is known of a value that is the same for all threads."""
        return Array(value.dtype, value.ndim) if isinstance(value, DeviceArray) else Known(value)

    def attribute(self, value: Any, name: str) -> Any:
        """An attribute of a value that is the same for all threads; a Number where threads differ."""
        if isinstance(value, _Index):
            return INDEX
        if value is self.device:
            if name == "laneid":
                return INDEX
            if name in ("threadIdx", "blockIdx"):
                return _Index(self.device, name)
        found = getattr(value, name)
        return found if any(value is part for part in self.device.parts) else self.value(found, name)

    @staticmethod
    def constant(kind: types.Type, value: Any) -> Any:
        """A number of that type."""
        return _constant(kind, value)

    def _by_name(self, name: str) -> Any:
        """What a kernel imported by its name; an index must stay that of the thread that asks."""
        if name == "laneid":
            raise UnsupportedError("the simulator can't follow an imported laneid: write cuda.laneid")
        return _Index(self.device, name) if name in ("threadIdx", "blockIdx") else getattr(self.device, name)

    def _module(self, module: ModuleType) -> Any:
        """What stands for a module; of most, nothing can be used."""
        name = module.__name__
        stands: dict[str, Any] = {
            "math": device_math,
            "numba": _Numba(self.device, module),
            xoroshiro.__name__: xoroshiro,
            **dict.fromkeys(CUDA_MODULES, self.device),
            **dict.fromkeys(RANDOM, xoroshiro),
            **dict.fromkeys(("numpy", "numba.types", "numba.core.types", "operator"), module),
        }
        if name.startswith(CUDA_MODULES) and name.endswith(".cg"):
            return self.device.cg
        return stands.get(name) or _Refused(name)

    # Counted while the kernel runs.

    def place_of(self, line: Line) -> int:
        """Where the operations of that line are counted."""
        if line not in self._places:
            self._places[line] = len(self.counts)
            self.counts.append(0)
        return self._places[line]

    def flops(self) -> dict[Line, int]:
        """The operations of each line."""
        return {line: self.counts[place] for line, place in self._places.items() if self.counts[place]}

    def add_flops(self, line: Line, count: int) -> None:
        """So many operations in that line."""
        self.counts[self.place_of(line)] += count

    def counted(self, operation: Callable[..., Any], *values: Any) -> Any:
        """An operation of which it shows only now whether it counts."""
        result = arithmetic.apply(operation, *values)
        if isinstance(result, np.inexact):
            frame = _getframe(1)
            self.add_flops(Line(frame.f_code.co_filename, frame.f_lineno), 1)
        return result

    def branch(self, site: int, taken: Any) -> Any:
        """A thread takes a branch, or does not."""
        branches = self.device.branches
        branches.append(self.device.thread.number)
        branches.append(site)
        branches.append(bool(taken))
        return taken

    def all_rounds(self, site: int, items: range) -> range:
        """A thread goes all rounds of a loop."""
        self._rounds(site, len(items))
        return items

    def some_rounds(self, site: int, items: Iterable[Any]) -> Iterator[Any]:
        """A thread goes some rounds of a loop."""
        count = 0
        try:
            for item in items:
                yield item
                count += 1
        finally:
            self._rounds(site, count)

    def _rounds(self, site: int, count: int) -> None:
        self.loops.add(site)
        branches = self.device.branches
        branches.append(self.device.thread.number)
        branches.append(site)
        branches.append(count)


class Names:
    """The globals of a translated function, filled with what it uses."""

    def __init__(self, function: FunctionType, converter: Converter) -> None:
        self.file = function.__code__.co_filename
        self.names: dict[str, Any] = {"__builtins__": builtins}
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._cells, self._globals, self._converter = dict(cells), function.__globals__, converter

    def find(self, name: str) -> Any:
        """What stands for that name in the kernel; a NameError if there is nothing."""
        if name not in self.names:
            self.names[name] = self._converter.value(self._original(name), name)
        return self.names[name]

    def _original(self, name: str) -> Any:
        if name in self._cells:
            try:
                return self._cells[name].cell_contents
            except ValueError:
                raise NameError(f"name {name!r} is not defined") from None
        if name in self._globals:
            return self._globals[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(f"name {name!r} is not defined")


def _of_the_device(value: Any) -> bool:
    module = getattr(value, "__module__", None) or ""
    return isinstance(module, str) and module.startswith(CUDA_MODULES)


def _scalars(values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(scalar(value) for value in values)


@cache
def _constant(kind: types.Type, value: Any) -> Any:
    return arithmetic.converter(kind)(value)


class _Numba:
    """`numba` in a kernel: its types, and `numba.cuda`."""

    def __init__(self, device: Device, module: ModuleType) -> None:
        self.cuda, self._module = device, module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _Index:
    """`threadIdx` or `blockIdx`, imported by its name."""

    def __init__(self, device: Device, name: str) -> None:
        self._device, self._name = device, name

    def __getattr__(self, axis: str) -> Any:
        return getattr(getattr(self._device, self._name), axis)


class _Refused:
    """A module that kernels can't use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"the simulator has no {self._name}.{name} in kernels")
