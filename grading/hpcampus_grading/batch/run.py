"""Submissions out to the workers, results back as they come."""

import functools
import itertools
import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator

from distributed import Client, Future
from pydantic import TypeAdapter, ValidationError

from hpcampus_grading.batch.one import Desk
from hpcampus_grading.batch.work import Graded, Material, Work

log = logging.getLogger("hpcampus.grading")

# So much waits at each worker: enough that none is idle, little enough for anybody's memory.
_AHEAD = 3
_MOST_TOGETHER, _SECONDS_TOGETHER = 8, 0.5
_CHECK_SECONDS = 2.0

Check = Callable[[], None]
Works = tuple[Work, ...]
_WORKS, _ANSWERS = TypeAdapter(Works), TypeAdapter(tuple[Graded, ...])


def results(
    client: Client, workers: int, submissions: int, check: Check, material: Material, works: Iterable[Work]
) -> Iterator[Graded]:
    """Each of so many submissions' results, once, in the order in which they are ready.

    What a lost worker had is given to another; `check` raises when there will be none any more. Nothing is
    written here: a result that nobody took is lost with this process, and graded again when somebody asks.
    """
    shared = client.submit(bytes, material.model_dump_json().encode(), pure=True)
    left, pace = iter(works), _Pace(workers, submissions)
    under_way: dict[str, tuple[Future[bytes], Works]] = {}
    ready: queue.SimpleQueue[Future[bytes]] = queue.SimpleQueue()

    def send(some: Works) -> None:
        if some:
            future = client.submit(_grade, shared, _WORKS.dump_json(some), pure=False)
            under_way[str(future.key)] = future, some
            future.add_done_callback(ready.put)

    for _ in range(workers * _AHEAD):
        send(tuple(itertools.islice(left, 1)))
    while under_way:
        try:
            key = str(ready.get(timeout=_CHECK_SECONDS).key)
        except queue.Empty:
            check()
            continue
        future, some = under_way.pop(key)
        graded = _results(future, some, check)
        if graded is None:
            for work in some:
                send((work,))
            continue
        yield from graded
        send(tuple(itertools.islice(left, pace.together(len(graded)))))


class _Pace:
    """How many submissions a worker gets at once: so many that to send them costs little, and none waits.

    Fewer towards the end: the last workers to be ready are to be so at the same time.
    """

    def __init__(self, workers: int, submissions: int) -> None:
        self._workers, self._left = workers, submissions
        self._done, self._began = 0, 0.0

    def together(self, more: int) -> int:
        """The number, after so many more were graded; the first of all only starts the clock."""
        self._left -= more
        if not self._began:
            self._began = time.monotonic()
            return 1
        self._done += more
        each = (time.monotonic() - self._began) * self._workers / self._done
        share = self._left // (2 * self._workers * _AHEAD)
        return max(1, min(_MOST_TOGETHER, int(_SECONDS_TOGETHER / each), share))


def nothing_to_check() -> None:
    """Workers of this machine come back by themselves."""


def one_after_the_other(material: Material, works: Iterable[Work]) -> Iterator[Graded]:
    """The same in this very process."""
    with Desk(material) as desk:
        for work in works:
            yield _graded(desk, work)


def _grade(material: bytes, works: bytes) -> bytes:
    """What a worker does. It answers bytes whatever happens: the other side takes nothing else."""
    desk = _desk(material)
    return _ANSWERS.dump_json(tuple(_graded(desk, work) for work in _WORKS.validate_json(works)))


@functools.lru_cache(maxsize=1)
def _desk(material: bytes) -> Desk:
    """A worker has one, for as long as it grades the same assignment."""
    return Desk(Material.model_validate_json(material))


def _graded(desk: Desk, work: Work) -> Graded:
    try:
        return desk.grade(work)
    except Exception as error:
        problem = f"It could not be graded ({type(error).__name__}: {error})."
        return Graded(learner=work.learner, version=work.version, problem=problem)


def _results(future: Future[bytes], works: Works, check: Check) -> tuple[Graded, ...] | None:
    """The worker's answer; where the worker ended before it was fetched, that of the next to do the work.

    None where it isn't known with which of several submissions the workers ended.
    """
    answers: tuple[Graded, ...] | None = None
    while answers is None:
        try:
            answers = _ANSWERS.validate_json(future.result(timeout=_CHECK_SECONDS))
        except TimeoutError:
            check()
        except (TypeError, ValidationError) as error:
            log.warning("The answer about %s was refused: %r", _names(works), error)
            return _not_graded(works, "a worker answered with something else than plain data")
        except Exception as error:
            log.warning("What %s handed in could not be graded: %r", _names(works), error)
            if len(works) > 1:
                return None
            return _not_graded(works, "the worker that had it ended, and so did those that tried it again")
    if [(graded.learner, graded.version) for graded in answers] == [(w.learner, w.version) for w in works]:
        return answers
    return _not_graded(works, "a worker answered for another submission")


def _names(works: Works) -> str:
    return ", ".join(work.learner for work in works)


def _not_graded(works: Works, why: str) -> tuple[Graded, ...]:
    problem = f"It could not be graded: {why}."
    return tuple(Graded(learner=work.learner, version=work.version, problem=problem) for work in works)
