"""How many warps of a kernel fit into a multiprocessor at once, and what keeps out more.

The rules are those of NVIDIA's occupancy calculator (`cuda_occupancy.h` of the CUDA toolkit): registers are
given to a warp in units of 256, in each of four partitions of a multiprocessor; shared memory to a block in
units of 128 bytes, plus 1 KiB for the system. The limits are those of the table "Technical Specifications per
Compute Capability" in NVIDIA's CUDA C++ Programming Guide.
"""

from dataclasses import dataclass

WARP = 32
REGISTER_UNIT, SHARED_UNIT, SHARED_FOR_SYSTEM = 256, 128, 1024
PARTITIONS = 4
KIB = 1024


@dataclass(frozen=True)
class Gpu:
    """What one multiprocessor of a GPU holds: warps, blocks, registers of 32 bits, bytes of shared memory."""

    name: str
    shared: int
    warps: int = 64
    blocks: int = 32
    registers: int = 64 * KIB

    @property
    def shared_of_a_block(self) -> int:
        """Bytes that one block may have."""
        return self.shared - SHARED_FOR_SYSTEM


GPUS = {
    "sm_80": Gpu("A100", shared=164 * KIB),
    "sm_90": Gpu("H100", shared=228 * KIB),
    "sm_100": Gpu("B200", shared=228 * KIB),
}


@dataclass(frozen=True)
class Occupancy:
    """How many blocks run on a multiprocessor, what share of its warps that is, and what keeps out more."""

    blocks: int
    share: float
    limit: str

    def __str__(self) -> str:
        return f"{self.share:.0%}" if self.blocks else f"can't start: too many {self.limit}"


def occupancy(gpu: Gpu, threads: int, registers: int, shared_bytes: int) -> Occupancy:
    """The occupancy of blocks with so many threads, registers for each thread, and bytes of shared memory."""
    warps = _units(threads, WARP)
    for_a_warp = _units(registers * WARP, REGISTER_UNIT) * REGISTER_UNIT
    warps_with_registers = gpu.registers // PARTITIONS // max(for_a_warp, 1) * PARTITIONS
    for_a_block = _units(shared_bytes + SHARED_FOR_SYSTEM, SHARED_UNIT) * SHARED_UNIT
    fitting = {
        "blocks": gpu.blocks,
        "threads": gpu.warps // warps,
        "registers": warps_with_registers // warps,
        "shared memory": gpu.shared // for_a_block if shared_bytes <= gpu.shared_of_a_block else 0,
    }
    limit = min(fitting, key=lambda name: fitting[name])
    return Occupancy(fitting[limit], fitting[limit] * warps / gpu.warps, limit)


def _units(amount: int, unit: int) -> int:
    return -(-amount // unit)
