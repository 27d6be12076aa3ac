"""From a kernel to PTX, for a GPU that need not be here."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import FunctionType
from typing import Any

from hpcampus_kernels import backend
from hpcampus_kernels.host_arrays import unwrapped
from hpcampus_kernels.inspection.compilable import Compilable
from hpcampus_kernels.simulator.convert import python_function
from hpcampus_kernels.simulator.log import Line

# Options of @cuda.jit that change what is made of a kernel.
OPTIONS = ("fastmath", "opt", "launch_bounds")


class CompilationError(Exception):
    """The compiler refuses the kernel; the message says which line and why."""


@dataclass(frozen=True)
class Source:
    """A kernel, the types of its arguments, and the options it is compiled with."""

    function: FunctionType
    types: tuple[Any, ...]
    options: Mapping[str, Any]
    most_registers: int | None

    @property
    def file(self) -> str:
        """Where the kernel stands."""
        return self.function.__code__.co_filename

    def __str__(self) -> str:
        shown = (_shown(kind) for kind in self.types)
        return f"{self.function.__name__}({', '.join(shown)})"

    @property
    def asks_for_float64(self) -> bool:
        """Whether an argument is of that type, or the code names it."""
        given = any(getattr(kind, "dtype", kind).name in ("float64", "complex128") for kind in self.types)
        return given or bool({"float64", "double", "complex128"} & set(self.function.__code__.co_names))


def source(kernel: Any, signature: Sequence[Any]) -> Source:
    """A kernel with types; each of the signature is one of Numba's, or a value such as the kernel gets."""
    function = python_function(kernel)
    count = function.__code__.co_argcount
    if len(signature) != count:
        names = ", ".join(function.__code__.co_varnames[:count])
        raise TypeError(f"{function.__name__} takes {names}, but the signature has {len(signature)} types")
    types = tuple(_type(value) for value in signature)
    given = getattr(kernel, "targetoptions", {})
    options = {name: given[name] for name in OPTIONS if given.get(name) is not None}
    return Source(function, types, options, given.get("max_registers"))


def compile_ptx(asked: Source, archs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The PTX for each architecture, one by one, with the lines from which it comes.

    Numba's own `compile_ptx` starts again from Python for each architecture. Here its compiler is asked once,
    for the oldest, and NVVM for each: before NVVM nothing depends on which one of these it is.
    """
    capabilities = {arch: divmod(int(arch.removeprefix("sm_")), 10) for arch in archs}
    oldest = min(capabilities.values())
    with backend.compiler(oldest) as compiler, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Numba's: small grids and the like are nobody's fault here
        function = Compilable(compiler).function(asked.function)
        options = {"lineinfo": True, "device": False, "abi": "numba", **asked.options}
        try:
            compiled = compiler.compiler._compile_pyfunc_with_fixup
            library, _ = compiled(function, asked.types, cc=oldest, **options)
            for arch, capability in capabilities.items():
                yield arch, str(*library.get_asm_strs(cc=capability))
        except Exception as error:
            raise CompilationError(_refusal(error, asked)) from error


def _type(value: Any) -> Any:
    return value if isinstance(value, backend.Type) else backend.typeof(unwrapped(value))


def _shown(kind: Any) -> str:
    """A type as one writes it: float32[:, :] for an array."""
    if not hasattr(kind, "ndim"):
        return str(kind)
    return f"{kind.dtype}[{', '.join([':'] * kind.ndim)}]"


def _refusal(error: Exception, asked: Source) -> str:
    """What the compiler says first, without its own inside, and the line if it names one."""
    said = str(error)
    # Numba shortens the path, but not the name.
    place = re.search(rf'File ".*?{re.escape(Path(asked.file).name)}", line (\d+)', said)
    where = f" ({Line(asked.file, int(place[1]))})" if place else ""
    lines = (line.strip(" >") for line in said.splitlines() if not line.startswith("Failed in"))
    words = takewhile(lambda line: not line.startswith(("File ", "During:", "There are")), lines)
    return (
        f"{asked.function.__name__} can't be compiled: {' '.join(filter(None, words)) or repr(error)}{where}"
    )
