"""Servers started ahead of a class by its instructor: for the roster and nobody else, as the course says."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpcampus_courses import Course
from hpcampus_spawner.options import parse_options
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.spawner import BatchSpawner
from jupyterhub import orm
from tornado import web

from hpcampus_hub.class_servers import LearnerServer, class_servers, live_spawns

PREWARM = "custom:campus:prewarm"
"""The right to start a course's servers for its roster. JupyterHub's own `servers!group=…` would be that to
start and stop every server of these people."""
GIVING_UP_SECONDS = 5


def prewarm_scope(course: Course) -> str:
    """That right for one course."""
    return f"{PREWARM}!group={course.roster}"


class ClassRoom:
    """One course's servers, as a request to the hub finds and changes them."""

    def __init__(self, handler: Any, course: Course) -> None:
        self._handler, self.course = handler, course

    def servers(self) -> list[LearnerServer]:
        """The row of everybody on the roster."""
        return class_servers(self._roster(), self.course, self._live())

    def learners(self, names: Sequence[str] | None) -> list[Any]:
        """JupyterHub's users of those names, None for the whole roster; raises `Refused` for anybody else."""
        roster = {user.name: user for user in self._roster()}
        if names is None:
            return list(roster.values())
        if strangers := sorted(set(names) - roster.keys()):
            raise Refused("roster", f"Not on the roster of {self.course.title}: {', '.join(strangers)}.")
        return [roster[name] for name in dict.fromkeys(names)]

    async def start(self, users: Iterable[Any], wishes: Mapping[str, object]) -> dict[str, str]:
        """Ask for those who have none; by name, whom the hub refused at once. Raises `Refused` for wishes.

        They pass the same checks as starts by the learners themselves, and take turns with all others. From
        then on `servers` tells what comes of each.
        """
        options = {"course": self.course.slug, **wishes}
        parse_options(options)
        starts: dict[str, asyncio.Task[str]] = {}
        for user in users:
            starts[user.name] = asyncio.create_task(self._start(user, options))
            # Each costs the hub some milliseconds: others get their answers in between.
            await asyncio.sleep(0)
        await asyncio.gather(*starts.values())
        return {name: problem for name, start in starts.items() if (problem := start.result())}

    async def stop(self, users: Iterable[Any], starter: str) -> None:
        """Stop the servers among them that this person started, and leave all others alone."""
        live = self._live()
        theirs = [u for u in users if u.name in live and live[u.name].started_by == starter]
        await asyncio.gather(*(self._stop(user.spawners[self.course.slug]) for user in theirs))

    def _roster(self) -> list[Any]:
        group = orm.Group.find(self._handler.db, self.course.roster)
        users = sorted(group.users, key=lambda user: str(user.name)) if group else []
        return [self._handler.users[user] for user in users]

    def _live(self) -> Any:
        return live_spawns(BatchSpawner.clusters.values(), self.course)

    async def _start(self, user: Any, options: Mapping[str, object]) -> str:
        spawner = user.get_or_create_spawner(self.course.slug, "", replace_failed=True)
        if spawner.active:
            return ""
        try:
            await self._handler.spawn_single_user(user, self.course.slug, options=dict(options))
        except web.HTTPError as error:
            return str(error.log_message or error.reason)
        except Exception:
            self._handler.log.exception("starting %s for a class", spawner._log_name)
            return "It could not be started. The people who run this hub find more in its log."
        return ""

    async def _stop(self, spawner: Any) -> None:
        """As JupyterHub itself does it: a start that is under way is given up first."""
        if spawner.pending == "spawn" and spawner._spawn_future is not None:
            spawner._spawn_future.cancel()
            await asyncio.wait([spawner._spawn_future], timeout=GIVING_UP_SECONDS)
        if spawner.active and not spawner.pending:
            await self._handler.stop_single_user(spawner.user, spawner.name)
