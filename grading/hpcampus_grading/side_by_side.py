"""The same work for several parts of a class at once, in forks of this process.

A fork has everything imported that this process has, where a new process would first take seconds for that.
"""

import os
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

Part = TypeVar("Part")


def side_by_side(parts: Sequence[Part], work: Callable[[Part], None]) -> None:
    """Do the work for all parts, the first of them here; its result must be in files.

    What fails in a fork is done again here, where it can say why. Nothing may be open meanwhile that two
    processes can't share, such as a connection to a database.
    """
    forks = {_fork(part, work): part for part in parts[1:]}
    try:
        for part in parts[:1]:
            work(part)
    finally:
        failed = [part for process, part in forks.items() if os.waitpid(process, 0)[1]]
    for part in failed:
        work(part)


def _fork(part: Part, work: Callable[[Part], None]) -> int:
    process = os.fork()
    return process or _do_and_end(part, work)


def _do_and_end(part: Part, work: Callable[[Part], None]) -> NoReturn:
    status = 1
    try:
        work(part)
        status = 0
    finally:
        # Whatever happened: the rest of the program is the other process's.
        os._exit(status)
