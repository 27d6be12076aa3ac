"""How many mutants of a problem's solution `check` finds out, and which it lets through."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hpcampus_kernels.check import judge
from hpcampus_kernels.judging.demands import FLOAT64
from hpcampus_kernels.mutation.mutants import Mutant, mutants
from hpcampus_kernels.problem import Problem

# What only the compiler sees is asked of no other mutants: compiling takes longer than all else.
DEMANDS: dict[str, dict[str, float]] = {"type of a number": {FLOAT64: 0}}
# Words about a kernel that nobody could judge: they find out nothing.
UNJUDGED = ("The simulator can't run", "can't be compiled", "The process in which", "can't be read")


@dataclass(frozen=True)
class Score:
    """For one problem: the mutants that were killed, those that live, and those declared equivalent."""

    problem: str
    killed: tuple[Mutant, ...]
    alive: tuple[Mutant, ...]
    equivalent: tuple[tuple[Mutant, str], ...]

    @property
    def share(self) -> float:
        """Of the mutants that aren't equivalent, how many were killed."""
        tried = len(self.killed) + len(self.alive)
        return len(self.killed) / tried if tried else 1.0

    def as_data(self) -> dict[str, Any]:
        """For a file."""
        kinds: dict[str, list[int]] = {}
        for place, group in enumerate((self.killed, self.alive)):
            for mutant in group:
                kinds.setdefault(mutant.kind, [0, 0])[place] += 1
        return {
            "killed": len(self.killed),
            "alive": [f"{mutant.kind}: {mutant.label}" for mutant in self.alive],
            "equivalent": {mutant.label: reason for mutant, reason in self.equivalent},
            "kinds": {kind: {"killed": k, "alive": a} for kind, (k, a) in sorted(kinds.items())},
        }

    def __str__(self) -> str:
        tried = len(self.killed) + len(self.alive)
        lines = [
            f"{self.problem}: {len(self.killed)} of {tried} mutants killed ({self.share:.0%}); "
            f"{len(self.equivalent)} more are equivalent"
        ]
        lines += [f"  alive, {mutant.kind}, {mutant.diff}".replace("\n", "\n    ") for mutant in self.alive]
        return "\n".join(lines)


def score(problem: Problem, only: Iterable[Mutant] | None = None) -> Score:
    """Check all mutants of a problem, or only these. The same inputs for all: a seed, so that it repeats."""
    groups: dict[str, list[Any]] = {"killed": [], "alive": [], "equivalent": []}
    for mutant in mutants(problem) if only is None else only:
        if reason := problem.equivalent.get(mutant.label):
            groups["equivalent"].append((mutant, reason))
            continue
        groups["killed" if killed(problem, mutant) else "alive"].append(mutant)
    return Score(problem.name, *map(tuple, groups.values()))


def killed(problem: Problem, mutant: Mutant) -> bool:
    """Whether a check sees that this is not the solution."""
    demands = DEMANDS.get(mutant.kind, {})
    verdict = judge(mutant.submission, problem.name, seed=1, require=demands, first_only=True)
    said = str(verdict)
    return not verdict.passed and not any(words in said for words in UNJUDGED)
