"""What the compiler makes of a kernel, for GPUs that need not be here: `inspect`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hpcampus_kernels.inspection.compiling import CompilationError, compile_ptx, source
from hpcampus_kernels.inspection.occupancy import GPUS, Gpu, Occupancy
from hpcampus_kernels.inspection.ptx import ATOMIC, BARRIER, DIVISION, FLOAT64, LOCAL, VECTOR, Use, uses
from hpcampus_kernels.inspection.result import Compiled, Inspection
from hpcampus_kernels.inspection.sass import vector_accesses
from hpcampus_kernels.inspection.tools import ToolFailedError, ToolMissingError, assemble, disassemble
from hpcampus_kernels.simulator.launch import source_lines

__all__ = [
    "ATOMIC",
    "BARRIER",
    "DIVISION",
    "FLOAT64",
    "GPUS",
    "LOCAL",
    "VECTOR",
    "CompilationError",
    "Compiled",
    "Gpu",
    "Inspection",
    "Occupancy",
    "ToolFailedError",
    "ToolMissingError",
    "Use",
    "inspect",
]


def inspect(
    kernel: Any,
    signature: Sequence[Any],
    arch: Sequence[str] = tuple(GPUS),
    *,
    threads: int = 256,
    dynamic_shared: int = 0,
    sass: bool = True,
) -> Inspection:
    """Compile a kernel for several architectures, and report what it needs and what its lines cost.

    The kernel is a plain function or a @cuda.jit one. The signature has a type of Numba's for each argument,
    or a value such as the kernel gets. Occupancy is for blocks of `threads`, with so many bytes of dynamic
    shared memory. Without `sass` it is quicker, and vector accesses stay unseen. A kernel that can't be
    compiled is a CompilationError with the line; a missing program or library is an ImportError that says
    what to install (the extra `inspect`). No GPU is used.
    """
    if unknown := [name for name in arch if name not in GPUS]:
        raise ValueError(f"there is no architecture {', '.join(unknown)}; there are: {', '.join(GPUS)}")
    asked = source(kernel, signature)

    def finish(name: str, text: str) -> Compiled:
        machine = assemble(text, name, asked.most_registers)
        shown = disassemble(machine.cubin) if sass else ""
        found = (*uses(text, asked.file), *vector_accesses(shown, text, asked.file))
        return Compiled(name, text, shown, machine, found, threads, dynamic_shared)

    # Numba compiles one function at a time; NVIDIA's programs work on one result while it makes the next.
    with ThreadPoolExecutor(len(arch)) as pool:
        waiting = {name: pool.submit(finish, name, text) for name, text in compile_ptx(asked, arch)}
        compiled = {name: future.result() for name, future in waiting.items()}
    return Inspection(str(asked), compiled, source_lines(asked.function), asked.asks_for_float64)
