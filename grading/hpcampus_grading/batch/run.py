"""Submissions out to the workers, results back as they come."""

import functools
import itertools
import logging
import queue
from collections.abc import Callable, Iterable, Iterator

from distributed import Client, Future
from pydantic import ValidationError

from hpcampus_grading.batch.one import Desk
from hpcampus_grading.batch.work import Graded, Material, Work

log = logging.getLogger("hpcampus.grading")

# So many submissions wait at each worker: enough that none is idle, few enough for anybody's memory.
_AHEAD = 3
_CHECK_SECONDS = 2.0

Check = Callable[[], None]


def results(
    client: Client, workers: int, check: Check, material: Material, works: Iterable[Work]
) -> Iterator[Graded]:
    """Each submission's result, once, in the order in which they are ready.

    What a lost worker had is given to another; `check` raises when there will be none any more. Nothing is
    written here: a result that nobody took is lost with this process, and graded again when somebody asks.
    """
    shared = client.submit(bytes, material.model_dump_json().encode(), pure=True)
    left = iter(works)
    under_way: dict[str, tuple[Future[bytes], Work]] = {}
    ready: queue.SimpleQueue[Future[bytes]] = queue.SimpleQueue()

    def send(count: int) -> None:
        for work in itertools.islice(left, count):
            future = client.submit(_grade, shared, work.model_dump_json().encode(), pure=False)
            under_way[str(future.key)] = future, work
            future.add_done_callback(ready.put)

    send(workers * _AHEAD)
    while under_way:
        try:
            key = str(ready.get(timeout=_CHECK_SECONDS).key)
        except queue.Empty:
            check()
            continue
        yield _result(*under_way.pop(key), check)
        send(1)


def nothing_to_check() -> None:
    """Workers of this machine come back by themselves."""


def one_after_the_other(material: Material, works: Iterable[Work]) -> Iterator[Graded]:
    """The same in this very process."""
    with Desk(material) as desk:
        for work in works:
            yield _graded(desk, work)


def _grade(material: bytes, work: bytes) -> bytes:
    """What a worker does. It answers bytes whatever happens: the other side takes nothing else."""
    return _graded(_desk(material), Work.model_validate_json(work)).model_dump_json().encode()


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


def _result(future: Future[bytes], work: Work, check: Check) -> Graded:
    """The worker's answer; where the worker ended before it was fetched, that of the next to do the work."""
    graded: Graded | None = None
    while graded is None:
        try:
            graded = Graded.model_validate_json(future.result(timeout=_CHECK_SECONDS))
        except TimeoutError:
            check()
        except (TypeError, ValidationError) as error:
            log.warning("The answer about %s's submission was refused: %r", work.learner, error)
            return _not_graded(work, "a worker answered with something else than plain data")
        except Exception as error:
            log.warning("%s's submission could not be graded: %r", work.learner, error)
            return _not_graded(work, "the worker that had it ended, and so did those that tried it again")
    if (graded.learner, graded.version) == (work.learner, work.version):
        return graded
    return _not_graded(work, "a worker answered for another submission")


def _not_graded(work: Work, why: str) -> Graded:
    return Graded(learner=work.learner, version=work.version, problem=f"It could not be graded: {why}.")
