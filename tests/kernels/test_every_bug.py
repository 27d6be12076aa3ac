"""Every mistake that a checker of kernels must catch, planted in two kernels at least, named by `check`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, cuda
from hpcampus_kernels.check import judge
from hpcampus_kernels.judging.submission import submission

BINS, PADDED = 64, 64
TWICE_PADDED = 2 * PADDED
ONE = np.float32(1)


@cuda.jit
def histogram_in_local_memory(levels: Any, counts: Any) -> None:
    """A place in registers has no address, so an array that is indexed by data lies in local memory."""
    own = cuda.local.array(BINS, np.int32)
    for level in range(BINS):
        own[level] = 0
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if 0 <= levels[i] < counts.size:
            own[levels[i]] += 1
    for level in range(counts.size):
        cuda.atomic.add(counts, level, own[level])


@cuda.jit
def add_with_bank_conflicts(x: Any, y: Any, out: Any) -> None:
    """Two threads that are 16 apart want the same bank."""
    part = cuda.shared.array(TWICE_PADDED, np.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    if i < out.size:
        part[2 * t] = x[i] + y[i]
        out[i] = part[2 * t]


@dataclass(frozen=True)
class Bug:
    """A wrong solution of a problem (or a kernel of this file), the point it loses, and what it is told."""

    problem: str
    kernel: Any
    point: str
    words: str
    require: Mapping[str, float] | None = None

    def __str__(self) -> str:
        return f"{self.problem}-{getattr(self.kernel, '__name__', self.kernel)}"

    def verdict(self) -> Any:
        """What `check` says, as far as the first launch in which something is wrong."""
        wrong = {one.name: one.kernel for one in PROBLEMS[self.problem].wrong}
        kernel = wrong[self.kernel] if isinstance(self.kernel, str) else self.kernel
        return judge(submission(kernel), self.problem, require=self.require, first_only=not self.require)


RACE, BARRIER, UNSET = "nothing keeps them apart", "wait at", "which nobody has written yet"
ATOMIC = "one (addition|change) is lost"
WASTED, CONFLICTS = r"sectors of 32 bytes where \d+ would do", r"rounds of the banks where \d+ would do"
DOUBLE, LOCAL = "number with a point is float64", "bytes of local memory"
OF_64 = "[Ww]ith warps of 64 threads"

BUGS: dict[str, Sequence[Bug]] = {
    "G: no guard": [
        Bug("vector_add", "no_guard", "bounds", r"x\[\d+\], but x has .* behind a guard"),
        Bug("grey", "no_guard", "bounds", r"rgb\[.*behind a guard"),
        Bug("transpose", "no_guard", "bounds", "behind a guard"),
    ],
    "G: a guard that lets one too many through": [
        Bug("vector_add", "guard_too_large", "bounds", "Is it <=, not <"),
        Bug("spmv", "one_too_far", "bounds", r"\[\d+\], but"),
    ],
    "N: a negative index": [
        Bug("vector_add", "from_behind", "bounds", r"x\[-\d+\].*negative index"),
        Bug("life", "negative_index", "bounds", r"cells\[.*-1.*negative index"),
        Bug("convolution", "negative_index", "bounds", r"image\[.*-\d.*negative index"),
        Bug("histogram", "negative_level", "bounds", r"\[-1\].*negative index"),
    ],
    "R: a race in global memory, a stencil in place": [
        Bug("heat", "in_place", "work", RACE),
        Bug("life", "in_place", "work", RACE),
    ],
    "R: a race in shared memory, a scan with one barrier": [
        Bug("scan", "one_barrier", "work", rf"shared memory.*{RACE}"),
        Bug("radix_sort_pass", "counts_reset_too_early", "work", rf"shared memory.*{RACE}"),
    ],
    "Y: a barrier is missing": [
        Bug("reduction", "no_barrier", "work", "there must be a barrier"),
        Bug("convolution", "no_barrier", "work", "there must be a barrier"),
        Bug("softmax", "no_barrier", "work", "there must be a barrier"),
    ],
    "Y: the second barrier of a tile is missing": [
        Bug("matmul", "next_tile_too_early", "work", rf"shared memory.*{RACE}"),
        Bug("n_body", "next_tile_too_early", "work", rf"shared memory.*{RACE}"),
        Bug("attention", "next_tile_too_early", "work", rf"shared memory.*{RACE}"),
    ],
    "V: a barrier in a branch": [
        Bug("reduction", "barrier_for_some", "order", BARRIER),
        Bug("layer_norm", "early_return", "order", BARRIER),
    ],
    "V: a return before a barrier": [
        Bug("matmul", "early_return", "order", "have ended without it"),
        Bug("dot", "early_return", "order", "have ended without it"),
    ],
    "A: an update that is not atomic": [
        Bug("histogram", "not_atomic", "work", ATOMIC),
        Bug("reduction", "not_atomic", "work", ATOMIC),
        Bug("monte_carlo_pi", "not_atomic", "work", ATOMIC),
    ],
    "I: shared memory that is not initialised": [
        Bug("histogram", "not_zeroed", "order", UNSET),
        Bug("k_means", "not_zeroed", "order", UNSET),
        Bug("matmul", "rest_not_zeroed", "order", UNSET),
    ],
    "S: a stride of a block": [
        Bug("saxpy", "stride_of_a_block", "work", "A step of one block is too short"),
        Bug("vector_add", "block_forgotten", "work", "must depend on the block"),
    ],
    "S: a grid that is too small for what it does": [
        Bug("saxpy", "no_stride", "work", "were never written"),
        Bug("histogram", "no_stride", "work", "were never read.*a whole grid further"),
        Bug("monte_carlo_pi", "no_stride", "values", "should be"),
    ],
    "U: accesses that are not coalesced": [
        Bug("saxpy", "chunks", "sectors", WASTED, {"sectors": 1.5}),
        Bug("transpose", "straight", "sectors", WASTED, {"sectors": 1.5}),
        Bug("heat", "swapped", "sectors", WASTED, {"sectors": 2.5}),
    ],
    "B: bank conflicts": [
        Bug("transpose", "no_padding", "banks", CONFLICTS, {"banks": 1.5}),
        Bug("vector_add", add_with_bank_conflicts, "banks", CONFLICTS, {"banks": 1.5}),
    ],
    "D: float64 that nobody asked for": [
        Bug("heat", "plain_numbers", "float64", DOUBLE, {"float64": 0}),
        Bug("grey", "plain_numbers", "float64", DOUBLE, {"float64": 0}),
        Bug("layer_norm", "double_epsilon", "float64", DOUBLE, {"float64": 0}),
    ],
    "L: local memory": [
        Bug("attention", "all_scores", "local", LOCAL, {"local": 0}),
        Bug("histogram", histogram_in_local_memory, "local", LOCAL, {"local": 0}),
    ],
    "W: a warp is taken for 32 threads": [
        Bug("reduction", "warp_of_32", "order", OF_64),
        Bug("softmax", "warp_of_32", "order", OF_64),
        Bug("spmv", "warp_of_32", "order", OF_64),
        Bug("scan", "warp_of_32", "order", OF_64),
    ],
}


def test_every_bug_is_planted_in_two_kernels_at_least() -> None:
    assert {row[0] for row in BUGS} == set("GNRYVAISUBDLW")
    assert not [row for row, bugs in BUGS.items() if len({bug.problem for bug in bugs}) < 2]


@pytest.mark.parametrize(
    ("row", "bug"),
    [pytest.param(row, bug, id=f"{row[0]}-{bug}") for row, bugs in BUGS.items() for bug in bugs],
)
def test_every_bug_is_found_and_named(row: str, bug: Bug) -> None:
    verdict = bug.verdict()
    assert not verdict[bug.point].passed, f"{row}: {verdict}"
    assert re.search(bug.words, verdict[bug.point].words, re.DOTALL), f"{row}: {verdict}"
