"""A kernel that was written for our simulator, as the compiler takes it: `cuda` stands for the compiler's."""

from types import CellType, CodeType, FunctionType
from typing import Any

from hpcampus_kernels import simulated


class Compilable:
    """Exchanges in a kernel, and in the device functions that it calls, our `cuda` for the compiler's."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler
        self._done: dict[int, Any] = {}

    def function(self, original: FunctionType) -> FunctionType:
        """The same code, with other globals."""
        names = {name: original.__globals__[name] for name in _names(original.__code__, original)}
        cells = tuple(CellType(self._value(cell.cell_contents)) for cell in original.__closure__ or ())
        exchanged = {name: self._value(value) for name, value in names.items()}
        # Numba asks for the module, too: it is part of a kernel's name.
        module = {name: original.__globals__.get(name) for name in ("__builtins__", "__name__")}
        new = FunctionType(
            original.__code__, exchanged | module, original.__name__, original.__defaults__, cells
        )
        new.__module__, new.__kwdefaults__ = original.__module__, original.__kwdefaults__
        return new

    def _value(self, value: Any) -> Any:
        if value is simulated:
            return self._compiler
        if isinstance(value, simulated.OnDevice):
            return _at(self._compiler, value.__name__)
        if isinstance(value, simulated.Kernel):
            if id(value) not in self._done:
                self._done[id(value)] = self._compiler.jit(device=True, lineinfo=True, **_fast(value))(
                    self.function(value.py_func)
                )
            return self._done[id(value)]
        return value


def _fast(kernel: simulated.Kernel) -> dict[str, Any]:
    return {"fastmath": True} if kernel.targetoptions.get("fastmath") else {}


def _at(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name)
    return module


def _names(code: CodeType, function: FunctionType) -> set[str]:
    nested = (c for c in code.co_consts if isinstance(c, CodeType))
    here = {name for name in code.co_names if name in function.__globals__}
    return here.union(*(_names(c, function) for c in nested))
