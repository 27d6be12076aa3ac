"""What `inspect` found: for each architecture what a kernel needs, and for each line what it costs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from hpcampus_kernels.inspection.occupancy import GPUS, Occupancy, occupancy
from hpcampus_kernels.inspection.page import page
from hpcampus_kernels.inspection.ptx import BARRIER, DIVISION, FLOAT64, LOCAL, Use
from hpcampus_kernels.inspection.tools import Assembled
from hpcampus_kernels.simulator.log import Line


@dataclass(frozen=True)
class Compiled:
    """A kernel for one architecture. Bytes of `stack` and of spills are a thread's, `shared` a block's.

    `barriers` are the hardware's, of which a block has 16; `uses` says which lines wait at them. `sass` is
    the machine's own language, if it was asked for.
    """

    arch: str
    ptx: str
    sass: str
    machine: Assembled
    uses: tuple[Use, ...]
    threads: int
    dynamic_shared: int

    @property
    def gpu(self) -> str:
        """The GPU of that architecture for which occupancy is given."""
        return GPUS[self.arch].name

    @property
    def registers(self) -> int:
        """For each thread."""
        return self.machine.registers

    @property
    def spills(self) -> int:
        """Bytes that are stored and loaded again because registers ran out."""
        return self.machine.spill_stores + self.machine.spill_loads

    @property
    def stack(self) -> int:
        """Bytes of local memory: arrays with an index that only the run knows, and spills."""
        return self.machine.stack

    @property
    def shared(self) -> int:
        """Bytes of shared memory, dynamic ones too."""
        return self.machine.shared + self.dynamic_shared

    @property
    def barriers(self) -> int:
        """Barriers of the hardware that the kernel uses."""
        return self.machine.barriers

    @property
    def occupancy(self) -> Occupancy:
        """With blocks of `threads`."""
        return occupancy(GPUS[self.arch], self.threads, self.registers, self.shared)

    def count(self, kind: str) -> int:
        """How many instructions of that kind there are."""
        return sum(use.count for use in self.uses if use.kind == kind)


@dataclass(frozen=True)
class Inspection:
    """A kernel compiled for several architectures. `asks_for_float64`: an argument or the code names it."""

    kernel: str
    compiled: Mapping[str, Compiled]
    source: tuple[Line, ...]
    asks_for_float64: bool

    def __getitem__(self, arch: str) -> Compiled:
        return self.compiled[arch]

    @property
    def unasked_float64(self) -> tuple[Use, ...]:
        """Arithmetic in float64 that nobody asked for: some literal or integer made a float32 one."""
        return () if self.asks_for_float64 else tuple(u for u in self.uses if u.kind == FLOAT64)

    @property
    def uses(self) -> tuple[Use, ...]:
        """What costs, by line; of several architectures the one that needs most."""
        most: dict[tuple[str, Line | None], Use] = {}
        for use in (use for compiled in self.compiled.values() for use in compiled.uses):
            known = most.get((use.kind, use.line))
            if known is None or known.count < use.count:
                most[use.kind, use.line] = use
        return tuple(most.values())

    @property
    def remarks(self) -> tuple[tuple[Use, str], ...]:
        """The uses with what they mean; barriers are no cost to speak of."""
        return tuple((use, self._remark(use)) for use in self.uses if use.kind != BARRIER)

    def _remark(self, use: Use) -> str:
        if use.kind == FLOAT64 and not self.asks_for_float64:
            return (
                "Nobody asked for it: a literal with a point, or an integer times a float32, is float64. "
                "Write float32(…) around it."
            )
        if use.kind == DIVISION and use.line and use.line.text.startswith("for "):
            return "A range with a step that only the run knows divides once, to count its rounds."
        return MEANINGS.get(use.kind, "")

    def show(self) -> None:
        """Display it: as a page in a notebook, as plain text in a terminal."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        if ipython is not None and getattr(shell, "kernel", None) is not None:
            ipython.display.display(self)
        else:
            sys.stdout.write(f"{self}\n")

    def table(self) -> list[tuple[str, ...]]:
        """What each architecture needs, in words; the first row has the names."""
        threads = next(iter(self.compiled.values())).threads
        heads = (
            "GPU",
            "registers",
            "spills",
            "stack",
            "shared",
            "barriers",
            f"occupancy at {threads} threads",
        )
        rows: list[tuple[str, ...]] = [heads]
        for c in self.compiled.values():
            numbers = (c.registers, c.spills, c.stack, c.shared, c.barriers)
            limit = f" (limit: {c.occupancy.limit})" if c.occupancy.share < 1 and c.occupancy.blocks else ""
            rows.append((f"{c.gpu} ({c.arch})", *map(str, numbers), f"{c.occupancy}{limit}"))
        return rows

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [self.kernel]
        for first, *rest in rows:
            cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            lines.append(f"  {first.ljust(widths[0])}  {'  '.join(cells)}".rstrip())
        for use, meaning in self.remarks:
            lines += [f"  {use}", *([f"    {meaning}"] if meaning else [])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return page(self)


MEANINGS = {
    DIVISION: "It is many instructions. One of 32 bits, int32(a) // int32(b), or a shift is faster.",
    LOCAL: "It lies in global memory. Let the compiler know each index, or use shared memory.",
}
