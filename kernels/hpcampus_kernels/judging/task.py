"""One launch to try, and what came of it, as they travel between the judge and the process of the kernel."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Rules

# The orders of threads to try besides the natural one, each as (threads of a warp, schedule).
ORDERS = ((32, 1), (64, 2))


@dataclass(frozen=True)
class Task:
    """One launch: the arguments by name, bytes of dynamic shared memory, and the accesses that are enough."""

    case: Case
    rules: Rules
    arguments: Mapping[str, Argument]
    shared_bytes: int
    budget: int

    def frame(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """For `write_frame`. Numbers of Python stay such, NumPy's are arrays without a dimension."""
        arrays = {n: np.asarray(v) for n, v in self.arguments.items() if not isinstance(v, (int, float))}
        numbers = {n: v for n, v in self.arguments.items() if n not in arrays}
        head = {
            "case": asdict(self.case),
            "rules": asdict(self.rules),
            "order": list(self.arguments),
            "numbers": numbers,
            "shared_bytes": self.shared_bytes,
            "budget": self.budget,
        }
        return head, arrays

    @classmethod
    def from_frame(cls, head: Mapping[str, Any], arrays: Mapping[str, Array]) -> "Task":
        """What `frame` gave."""
        values = {name: value[()] if value.ndim == 0 else value for name, value in arrays.items()}
        known = {**head["numbers"], **values}
        asked = head["rules"]
        return cls(
            case_from(head["case"]),
            Rules(tuple(asked["outputs"]), tuple(asked["scratch"]), asked["writes"]),
            {name: known[name] for name in head["order"]},
            int(head["shared_bytes"]),
            int(head["budget"]),
        )


def case_from(data: Mapping[str, Any]) -> Case:
    """A case from its JSON."""
    return Case(*(tuple(int(n) for n in data[name]) for name in ("size", "grid", "block")))


@dataclass(frozen=True)
class Traffic:
    """What one line asked of memory: see `simulator.report.Measure`. `stride` is in bytes, or 0."""

    line: str
    array: str
    space: str
    kind: str
    transfers: int
    ideal: int
    stride: int


@dataclass(frozen=True)
class Outcome:
    """What came of a launch: the words for each mistake, and the outputs after each order of threads.

    `stopped` says why it did not run to its end; then there are no outputs. `order` is what only another
    order of the threads shows.
    """

    bounds: str | None = None
    work: str | None = None
    stopped: str | None = None
    order: str | None = None
    after: tuple[Mapping[str, Array], ...] = ()
    traffic: tuple[Traffic, ...] = field(default=())

    def frame(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """For `write_frame`."""
        arrays = {f"{n}:{name}": array for n, after in enumerate(self.after) for name, array in after.items()}
        words = {name: getattr(self, name) for name in ("bounds", "work", "stopped", "order")}
        return {**words, "traffic": [asdict(one) for one in self.traffic]}, arrays

    @classmethod
    def from_frame(cls, head: Mapping[str, Any], arrays: Mapping[str, Array]) -> "Outcome":
        """What `frame` gave; the process it comes from ran a stranger's code, so every part is looked at."""
        words = {name: _words(head.get(name)) for name in ("bounds", "work", "stopped", "order")}
        after: dict[int, dict[str, Array]] = {}
        for key, array in arrays.items():
            number, _, name = key.partition(":")
            after.setdefault(int(number), {})[name] = array
        traffic = tuple(map(_traffic, head["traffic"]))
        return cls(**words, after=tuple(after[n] for n in sorted(after)), traffic=traffic)


def _traffic(data: Mapping[str, Any]) -> Traffic:
    line, array, space, kind = (str(data[name])[:200] for name in ("line", "array", "space", "kind"))
    transfers, ideal, stride = (int(data[name]) for name in ("transfers", "ideal", "stride"))
    return Traffic(line, array, space, kind, transfers, ideal, stride)


def _words(value: Any) -> str | None:
    return None if value is None else str(value)[:2000]
