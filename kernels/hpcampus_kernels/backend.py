"""The only module that imports a compiler for GPUs: `cuda` is one for the GPU that is here, or our simulator.

HPCAMPUS_CUDA names one: "simulator", "numba-cuda", "numba-cuda-mlir" (both NVIDIA) or "numba-hip" (AMD).
Without it the first that is installed and has its GPU is taken. NUMBA_ENABLE_CUDASIM=1, which servers without
a GPU of their own have set for Numba, means "simulator" here, too.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numba

VARIABLE, NUMBA_VARIABLE = "HPCAMPUS_CUDA", "NUMBA_ENABLE_CUDASIM"
SIMULATOR = "simulator"


class Compiler(NamedTuple):
    """A package that compiles kernels: the package to look for, the module with the names of `numba.cuda`."""

    package: str
    module: str
    vendor: str


COMPILERS = {
    "numba-cuda": Compiler("numba_cuda", "numba.cuda", "nvidia"),
    "numba-cuda-mlir": Compiler("numba_cuda_mlir", "numba_cuda_mlir.cuda", "nvidia"),
    "numba-hip": Compiler("numba.hip", "numba.hip", "amd"),
}


def _nvidia() -> bool:
    """Whether a GPU can be opened. It must not call cuInit: a process that did so can't fork any more."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in {"", "-1"}:
        return False
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return any(_opens(device) for device in (*Path("/dev").glob("nvidia[0-9]*"), Path("/dev/dxg")))


def _amd() -> bool:
    return os.environ.get("HIP_VISIBLE_DEVICES", "0").strip() not in {"", "-1"} and _opens(Path("/dev/kfd"))


def _opens(device: Path) -> bool:
    try:
        with device.open("rb"):
            return True
    except OSError:
        return False


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def _choose() -> str:
    chosen = os.environ.get(VARIABLE, "")
    if chosen and chosen not in {SIMULATOR, *COMPILERS}:
        known = ", ".join([SIMULATOR, *COMPILERS])
        raise ImportError(f"{VARIABLE} is {chosen!r}; it can be {known}")
    if chosen:
        return chosen
    if os.environ.get(NUMBA_VARIABLE, "0") not in {"", "0"}:
        return SIMULATOR
    here = {vendor for vendor, is_here in (("nvidia", _nvidia), ("amd", _amd)) if is_here()}
    fitting = (name for name, c in COMPILERS.items() if c.vendor in here and _installed(c.package))
    return next(fitting, SIMULATOR)


def _import_cuda(name: str) -> Any:
    if name == SIMULATOR:
        return import_module("hpcampus_kernels.simulated")
    # Exercises use small grids on purpose, and graders read a warning on stderr as a failure.
    os.environ.setdefault("NUMBA_CUDA_LOW_OCCUPANCY_WARNINGS", "0")
    os.environ.setdefault("NUMBA_CUDA_WARN_ON_IMPLICIT_COPY", "0")
    os.environ[NUMBA_VARIABLE] = "0"
    numba.config.reload_config()  # type: ignore[no-untyped-call]
    try:
        return _with_random(COMPILERS[name].module)
    except ImportError as error:
        raise ImportError(f"{VARIABLE} asks for {name}, which isn't installed: pip install {name}") from error


def _with_random(name: str) -> Any:
    """That module; its part `random`, where it has one, is there only after an import of its own."""
    module = import_module(name)
    if _installed(f"{name}.random"):
        import_module(f"{name}.random")
    return module


CHOSEN: str = _choose()
SIMULATED: bool = CHOSEN == SIMULATOR
cuda: Any = _import_cuda(CHOSEN)
njit: Any = numba.njit
typeof: Any = numba.typeof
Type: Any = numba.types.Type


@contextmanager
def compiler(capability: tuple[int, int]) -> Iterator[Any]:
    """numba-cuda for as long as it compiles, for that compute capability, with a GPU or none.

    NUMBA_ENABLE_CUDASIM=1 is lifted meanwhile: Numba looks at it for every function. If Numba's own simulator
    is loaded already, there is no compiler in this process any more. That is an ImportError, as is a compiler
    that isn't installed.
    """
    if not _installed("numba_cuda"):
        raise ImportError("numba-cuda isn't installed: pip install 'hpcampus-kernels[inspect]'")
    before = os.environ.get(NUMBA_VARIABLE)
    os.environ[NUMBA_VARIABLE] = "0"
    try:
        numba.config.reload_config()  # type: ignore[no-untyped-call]
        compiles: Any = _with_random("numba.cuda")
        if "simulator" in str(compiles.jit.__module__):
            raise ImportError(
                "Numba's own simulator is loaded here, and then there is no compiler: restart this process, "
                "and write `from hpcampus_kernels import cuda` instead of `from numba import cuda`"
            )
        dispatcher: Any = import_module("numba.cuda.dispatcher")
        asks = dispatcher.get_current_device
        # For device functions Numba asks the GPU, although it was told for which one it compiles.
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        try:
            yield compiles
        finally:
            dispatcher.get_current_device = asks
    finally:
        if before is None:
            del os.environ[NUMBA_VARIABLE]
        else:
            os.environ[NUMBA_VARIABLE] = before


def device() -> str:
    """Where kernels run, as a sentence for the reader of a notebook."""
    if SIMULATED:
        reason = "There is a GPU, but not for this" if _nvidia() or _amd() else "No GPU here"
        return f"{reason}: kernels run on HPCampus' simulator, on the CPU."
    name = cuda.get_current_device().name
    return f"Kernels run on a GPU: {name.decode() if isinstance(name, bytes) else name}."


class Thread(NamedTuple):
    """A CUDA thread: its block in the grid, and its own place in that block, both (x, y, z)."""

    block: tuple[int, int, int]
    place: tuple[int, int, int]

    def __str__(self) -> str:
        return f"thread {_short(self.place)} of block {_short(self.block)}"


def _short(xyz: tuple[int, int, int]) -> int | tuple[int, ...]:
    x, y, z = xyz
    return (x, y, z) if z else (x, y) if y else x
