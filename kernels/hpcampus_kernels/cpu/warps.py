"""What the threads of a warp or block do together, for the values of all threads of a block at once.

Each function gets who takes part (`on`), what each thread gives, the places for what each gets, and a `note`:
a place to write into, and the number of the site in the kernel. It writes down, as 2 site + 1, that not all
who must come have come, and as 2 site + 2, that a thread takes the value of a lane that isn't there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hpcampus_kernels.cpu.device import WARP, compiled


@compiled
def _write(note: Any, what: int) -> None:
    # What went wrong first, the rest may follow from.
    if note[0][0] == 0:
        note[0][0] = 2 * note[1] + what


@compiled
def any_on(on: Any) -> Any:
    """Whether a thread takes part."""
    taking_part = 0
    for here in on:
        taking_part |= here
    return taking_part != 0


@compiled
def most(counts: Any) -> Any:
    """The highest of some counts."""
    highest = 0
    for count in counts:
        highest = max(highest, count)
    return highest


@compiled
def together(on: Any, note: Any) -> None:
    """A barrier: all threads of the block, or none."""
    coming = 0
    for here in on:
        coming += here
    if 0 < coming < on.size:
        _write(note, 1)


@compiled
def _present(on: Any, first: int, last: int) -> Any:
    """The lanes that take part, as bits."""
    bits = 0
    for thread in range(first, last):
        if on[thread]:
            bits |= 1 << (thread - first)
    return bits


@compiled
def _expected(mask: Any, present: int, lanes: int, note: Any) -> Any:
    """The lanes of a mask, as bits; all of them must be present."""
    wanted = np.int64(mask) & ((1 << lanes) - 1)
    if wanted & ~present:
        _write(note, 1)
    return wanted & present


def shuffle(source: Callable[[Any, Any, Any], Any]) -> Any:
    """An exchange: `source` is the lane that a value comes from, of this one, a number, and how many."""
    lane_of = compiled(source)

    @compiled
    def exchange(on: Any, masks: Any, values: Any, numbers: Any, out: Any, note: Any) -> None:
        for first in range(0, on.size, WARP):
            last = min(first + WARP, on.size)
            present = _present(on, first, last)
            for thread in range(first, last):
                if on[thread]:
                    given = _expected(masks[thread], present, last - first, note)
                    lane = lane_of(thread - first, numbers[thread], WARP)
                    if given >> lane & 1:
                        out[thread] = values[first + lane]
                    else:
                        _write(note, 2)
                        out[thread] = values[thread]

    return exchange


def vote(answer: Callable[[Any, Any], Any]) -> Any:
    """A vote: `answer` is of the lanes that say yes and of those that take part, as bits."""
    result_of = compiled(answer)

    @compiled
    def count(on: Any, masks: Any, values: Any, out: Any, note: Any) -> None:
        for first in range(0, on.size, WARP):
            last = min(first + WARP, on.size)
            present, yes = _present(on, first, last), 0
            for thread in range(first, last):
                if on[thread] and values[thread]:
                    yes |= 1 << (thread - first)
            for thread in range(first, last):
                if on[thread]:
                    given = _expected(masks[thread], present, last - first, note)
                    out[thread] = result_of(yes & given, given)

    return count


@compiled
def _same(on: Any, values: Any, thread: int, first: int, last: int) -> Any:
    """The lanes with the value of this thread, as bits."""
    bits = 0
    for other in range(first, last):
        if on[other] and values[other] == values[thread]:
            bits |= 1 << (other - first)
    return bits


@compiled
def match_any(on: Any, masks: Any, values: Any, out: Any, note: Any) -> None:
    """The lanes with the same value."""
    for thread in range(on.size):
        if on[thread]:
            first = thread // WARP * WARP
            last = min(first + WARP, on.size)
            given = _expected(masks[thread], _present(on, first, last), last - first, note)
            out[thread] = _same(on, values, thread, first, last) & given


@compiled
def match_all(on: Any, masks: Any, values: Any, out: Any, alike: Any, note: Any) -> None:
    """All lanes and True if they have one value, else 0 and False."""
    for thread in range(on.size):
        if on[thread]:
            first = thread // WARP * WARP
            last = min(first + WARP, on.size)
            given = _expected(masks[thread], _present(on, first, last), last - first, note)
            alike[thread] = _same(on, values, thread, first, last) & given == given
            out[thread] = given if alike[thread] else 0


@compiled
def syncwarp(on: Any, masks: Any, note: Any) -> None:
    """A barrier of a warp."""
    for thread in range(on.size):
        if on[thread]:
            first = thread // WARP * WARP
            last = min(first + WARP, on.size)
            _expected(masks[thread], _present(on, first, last), last - first, note)


@compiled
def activemask(on: Any, out: Any, note: Any) -> None:
    """The lanes that come here together."""
    for thread in range(on.size):
        if on[thread]:
            first = thread // WARP * WARP
            out[thread] = _present(on, first, min(first + WARP, on.size))


def block_vote(answer: Callable[[Any, Any], Any]) -> Any:
    """A barrier that counts: `answer` is of how many say yes, and of how many there are."""
    result_of = compiled(answer)

    @compiled
    def count(on: Any, values: Any, out: Any, note: Any) -> None:
        together(on, note)
        yes = 0
        for thread in range(on.size):
            if on[thread] and values[thread]:
                yes += 1
        for thread in range(on.size):
            if on[thread]:
                out[thread] = result_of(yes, on.size)

    return count
