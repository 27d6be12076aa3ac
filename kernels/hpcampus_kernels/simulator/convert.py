"""Makes a kernel run here: the same code, with `cuda` and `math` exchanged, in globals of its own.

No source is needed, so it works on kernels from notebook cells and from anywhere else. Float literals become
`numpy.float64`: a float32 times a literal is float64 on the device, but would stay float32 in NumPy.
"""

import math
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.device import Device
from hpcampus_kernels.simulator.values import UnsupportedError, device_math

CUDA_MODULES = (
    "hpcampus_kernels.simulated",
    "numba.cuda",
    "numba_cuda.numba.cuda",
    "numba_cuda_mlir.cuda",
    "numba.hip",
)


def python_function(kernel: Any) -> FunctionType:
    """The Python function of a kernel, decorated or not."""
    function = getattr(kernel, "py_func", None) or getattr(kernel, "fn", None) or kernel
    if not isinstance(function, FunctionType):
        raise TypeError(f"{kernel!r} is no kernel: give a function, with or without @cuda.jit")
    return function


class Converter:
    """Converts a kernel and all functions that it calls; `functions` are their codes, by id."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.functions: dict[int, CodeType] = {}
        self._done: dict[int, FunctionType] = {}

    def function(self, original: FunctionType) -> Callable[..., Any]:
        """The function as it runs in the simulator."""
        if id(original) in self._done:
            return self._done[id(original)]
        code = self._code(original.__code__)
        names: dict[str, Any] = {
            "__builtins__": original.__globals__.get("__builtins__"),
            "float": np.float64,
        }
        cells = tuple(CellType() for _ in original.__closure__ or ())
        converted = FunctionType(code, names, original.__name__, original.__defaults__, cells)
        converted.__kwdefaults__ = original.__kwdefaults__
        self._done[id(original)] = converted
        for name in _names(code):
            if name in original.__globals__:
                names[name] = self._value(original.__globals__[name], name)
        for name, old, new in zip(code.co_freevars, original.__closure__ or (), cells, strict=True):
            new.cell_contents = self._value(old.cell_contents, name)
        return converted

    def _code(self, code: CodeType) -> CodeType:
        constants = tuple(
            self._code(c) if isinstance(c, CodeType) else np.float64(c) if type(c) is float else c
            for c in code.co_consts
        )
        converted = code.replace(co_consts=constants)
        self.functions[id(converted)] = converted
        return converted

    def _value(self, value: Any, name: str) -> Any:  # noqa: PLR0911 - one for each kind of value
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, np.ndarray):
            return self.device.constant(value, name)
        if type(value) is float:
            return np.float64(value)
        module = getattr(value, "__module__", None) or ""
        if isinstance(value, FunctionType) and not module.startswith(CUDA_MODULES):
            return self.function(value)
        if isinstance(getattr(value, "py_func", None), FunctionType):
            return self.function(value.py_func)
        if module.startswith(CUDA_MODULES):
            return self._by_name(getattr(value, "__name__", name))
        return value

    def _by_name(self, name: str) -> Any:
        """What a kernel imported by its name; an index must stay that of the thread that asks."""
        if name == "laneid":
            raise UnsupportedError("the simulator can't follow an imported laneid: write cuda.laneid")
        return _Index(self.device, name) if name in ("threadIdx", "blockIdx") else getattr(self.device, name)

    def _module(self, module: ModuleType) -> Any:
        if module is math:
            return device_math
        if module.__name__ in CUDA_MODULES:
            return self.device
        if module.__name__ == "numba":
            return _Numba(self.device, module)
        if module.__name__ in ("numpy", "numba.types", "numba.core.types", "operator"):
            return module
        return _Refused(module.__name__)


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


def _names(code: CodeType) -> set[str]:
    nested = (c for c in code.co_consts if isinstance(c, CodeType))
    return set(code.co_names).union(*(_names(c) for c in nested))
