"""A notebook server as a batch job, on JupyterHub's own base class."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_path_join
from traitlets import Any as AnyTrait
from traitlets import default

from hpcampus_spawner.admission import Admission, Admit, Person
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.failure import SpawnFailed
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.matching import match
from hpcampus_spawner.options import parse_options
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import (
    JobState,
    JobStatus,
    SchedulerError,
    Submission,
    SubmissionRefused,
)
from hpcampus_spawner.script import job_script
from hpcampus_spawner.words import ending_as_html, ending_in_words, state_in_words

# Shorter than the wrapper waits for the answer to its report.
LOCATE_SECONDS = 15
STOP_SECONDS = 60
# A healthy job may wait in the queue for as long as it takes.
QUEUE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Plan:
    """What was decided about a start, before anything was submitted."""

    admission: Admission
    request: JobRequest


class ReportRefused(Exception):
    """A report that must not be believed; `status` is the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class BatchSpawner(Spawner):
    """One server of one learner. `cluster` and `admit` are set once for the whole hub."""

    cluster: ClassVar[Cluster]
    admit: ClassVar[Admit]

    spawn_id = ""
    job_id = ""
    _since = 0.0
    _claim: tuple[str, int] | None = None
    _plan: Plan | None = None
    _report: "asyncio.Future[int] | None" = None

    start_timeout = AnyTrait(QUEUE_SECONDS)

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Any:
        return BatchSpawner._make_plan

    @default("options_from_form")
    def _options_from_form_default(self) -> Any:
        return _options_from_form

    def _make_plan(self, raw: object) -> None:
        """Every way to start a server passes here: form, query string, JSON API and adoption."""
        try:
            options = parse_options(raw)
            groups = frozenset(group.name for group in self.user.groups)
            person = Person(self.user.name, groups)
            admission = type(self).admit(person, self.name, options)
            self.cluster.launcher.account(person.name)
            request = match(
                admission.needs,
                self.cluster.site,
                admission.allocation,
                partition=admission.partition,
            )
        except Refused as refused:
            raise SpawnFailed(refused.sentence, reason=refused.reason) from None
        self._plan = Plan(admission, request)

    # -- state that outlives the hub

    def get_state(self) -> dict[str, Any]:
        """What a restarted hub needs to find the job again."""
        state: dict[str, Any] = super().get_state()
        if self.spawn_id:
            state |= {"spawn_id": self.spawn_id, "job_id": self.job_id, "api_token": self.api_token}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up where the hub before left off."""
        super().load_state(state)
        self.spawn_id = state.get("spawn_id", "")
        self.job_id = state.get("job_id", "")
        self.api_token = state.get("api_token", "")

    def clear_state(self) -> None:
        """Forget the job; the ledger doesn't."""
        super().clear_state()
        self.cluster.expected.pop(self.spawn_id, None)
        self.spawn_id = self.job_id = ""
        self._claim = None

    # -- start

    async def start(self) -> str:
        """Submit the job, or adopt the one that is there, and wait until it reports where it listens."""
        self.cluster.watch()
        spawn = self.cluster.ledger.live(self.user.name, self.name)
        if spawn is None:
            await self._submit()
        else:
            await self._adopt(spawn)
        with self.cluster.watcher.waiting():
            self.port = await self._await_report()
            return await self._url()

    async def _submit(self) -> None:
        assert self._plan is not None
        spawn_id, secret = uuid.uuid4().hex, secrets.token_urlsafe(32)
        tag = self.cluster.tag(spawn_id)
        # Written down before the scheduler is told: from here on no crash can lose the job.
        self.cluster.ledger.open(
            spawn_id=spawn_id,
            learner=self.user.name,
            server=self.name,
            tag=tag,
            options=dict(self.user_options),
            secret_hash=_hash(secret),
        )
        self._expect(spawn_id)
        report_url = url_path_join(self.hub.api_url, "campus", "spawns", spawn_id, "port")
        submission = Submission(
            spawn_id=spawn_id,
            tag=tag,
            request=self._plan.request,
            script=job_script(self.cluster.site, spawn_id),
            ticket=json.dumps({"url": report_url, "secret": secret}),
        )
        try:
            self._watch_for(await self._hand_over(submission))
        except SubmissionRefused as refused:
            self.cluster.ledger.end(spawn_id, f"refused: {refused}")
            self.cluster.ledger.settle(spawn_id)
            raise SpawnFailed(
                f"The scheduler of {self.cluster.site.system} refused the job: {refused}",
                reason="scheduler-refused",
            ) from None
        self.cluster.ledger.submitted(spawn_id, self.job_id)
        self.log.info("submitted job %s for %s (%s)", self.job_id, self._log_name, tag)

    async def _hand_over(self, submission: Submission) -> str:
        """Submit; where the answer got lost, look whether the job is there before giving up."""
        try:
            return await self.cluster.scheduler.submit(self.user.name, submission)
        except SchedulerError as error:
            self.log.error("submission of %s: %s", self._log_name, error)
        try:
            found = await self.cluster.scheduler.find(self.user.name, submission.tag)
        except SchedulerError as error:
            self.log.error("looking for the job of %s: %s", self._log_name, error)
            found = None
        if found is None:
            self.cluster.ledger.end(submission.spawn_id, "scheduler unavailable")
            raise SpawnFailed(
                "The scheduler doesn't answer, so your notebook can't start now. Nothing is lost; "
                "try again in a few minutes.",
                reason="scheduler-unavailable",
                status=503,
            )
        return found

    async def _adopt(self, spawn: Spawn) -> None:
        """Take over the job that an earlier life of the hub submitted."""
        report = self._expect(spawn.spawn_id)
        # By its tag, not by its id: the hub may have died before it wrote down the id, and a scheduler
        # that lost its state hands out the same ids again.
        job_id = await self._find(spawn)
        if job_id is None:
            self.cluster.ledger.end(spawn.spawn_id, "the scheduler knows no such job")
            await self._submit()
            return
        self._watch_for(job_id)
        self.cluster.ledger.submitted(spawn.spawn_id, job_id)
        if spawn.port is not None:
            report.set_result(spawn.port)
            self.api_token = spawn.api_token or self.api_token
        self.log.info("adopted job %s for %s", job_id, self._log_name)

    async def _find(self, spawn: Spawn) -> str | None:
        """Ask until there is an answer: a start that fails would cancel a job that may well be there."""
        while True:
            try:
                return await self.cluster.scheduler.find(spawn.learner, spawn.tag)
            except SchedulerError as error:
                self.log.error("looking for the job of %s: %s", self._log_name, error)
            await self.cluster.watcher.tick()

    def _expect(self, spawn_id: str) -> "asyncio.Future[int]":
        self.spawn_id = spawn_id
        self._report = asyncio.get_running_loop().create_future()
        self.cluster.expected[spawn_id] = self
        return self._report

    def _watch_for(self, job_id: str) -> None:
        """From now on the scheduler's answers should have the job; earlier ones could not."""
        self.job_id, self._since = job_id, time.monotonic()

    async def _await_report(self) -> int:
        """Wait for the port, for as long as the job may still send it."""
        assert self._report is not None
        while True:
            tick = asyncio.ensure_future(self.cluster.watcher.tick())
            either: list[asyncio.Future[Any]] = [tick, self._report]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            tick.cancel()
            job = self._job()
            if job is not None and job.state is JobState.GONE:
                raise await self._explain(job)
            if self._report.done():
                return self._report.result()

    async def _explain(self, job: JobStatus) -> SpawnFailed:
        """Why the job ended before it became a server."""
        ending = await self.cluster.scheduler.ending(self.user.name, self.job_id, self.spawn_id)
        sentence = ending_in_words(ending, job.word)
        self.log.error("job %s of %s: %s\n%s", self.job_id, self._log_name, sentence, ending.log)
        self.cluster.ledger.end(self.spawn_id, sentence)
        self.cluster.ledger.settle(self.spawn_id)
        html = ending_as_html(sentence, ending)
        return SpawnFailed(sentence, reason=job.word.lower(), html=html, status=502)

    async def _url(self) -> str:
        """Where the server listens; a scheduler that doesn't answer is waited for."""
        while True:
            try:
                return f"http://{await self._address()}:{self.port}"
            except SchedulerError as error:
                self.log.error("looking for the node of %s: %s", self._log_name, error)
            job = self._job()
            if job is not None and job.state is JobState.GONE:
                raise await self._explain(job)
            await self.cluster.watcher.tick()

    async def _address(self) -> str:
        """Where the job's node is; the watcher may be a moment behind the job's own report."""
        try:
            async with asyncio.timeout(LOCATE_SECONDS):
                while (job := self._job()) is None or not job.node:
                    self.cluster.watcher.nudge()
                    await self.cluster.watcher.tick()
        except TimeoutError:
            raise SchedulerError("the scheduler doesn't say where the job runs") from None
        return await self.cluster.scheduler.address(job.node)

    # -- the report of the job

    async def accept_report(self, secret: str, key: str, port: int) -> Mapping[str, Any]:
        """Believe one port, once, from the one job that holds the secret; answer what the server needs.

        The same report with the same key may come again, in case our answer got lost on the way.
        Raises `ReportRefused`, or `SchedulerError` when it should be tried again later.
        """
        spawn = self.cluster.ledger.live(self.user.name, self.name)
        if spawn is None or spawn.spawn_id != self.spawn_id or self._report is None:
            raise ReportRefused(410, "this server is no longer wanted")
        if not hmac.compare_digest(_hash(secret), spawn.secret_hash):
            raise ReportRefused(403, "wrong secret")
        if self._claim not in (None, (key, port)) or spawn.port not in (None, port) or self.ready:
            raise ReportRefused(409, "this job has reported before")
        # Claimed before anything is waited for: of two reports at once only one can win.
        self._claim = (key, port)
        self.ip = await self._address()
        if self.spawn_id != spawn.spawn_id:
            raise ReportRefused(410, "this server was stopped just now")
        self.port = port
        answer = {"environment": self.get_env(), "arguments": self.get_args()}
        self.cluster.ledger.reported(self.spawn_id, port, self.api_token)
        if not self._report.done():
            self._report.set_result(port)
        return answer

    def get_env(self) -> dict[str, str]:
        """The environment of the server: JupyterHub's own, and what the course adds."""
        assert self._plan is not None
        self.default_url = self._plan.admission.page
        environment: dict[str, str] = {**super().get_env(), **self._plan.admission.environment}
        if not self._plan.request.gpus:
            environment["NUMBA_ENABLE_CUDASIM"] = "1"
        return environment

    # -- life and end

    def _job(self) -> JobStatus | None:
        return self.cluster.watcher.status(self.job_id, self._since) if self.job_id else None

    async def poll(self) -> int | None:
        """None while the job lives or nobody knows; a number only when the scheduler said it is gone."""
        if not self.spawn_id:
            return 0
        self.cluster.watch()
        if self.cluster.watcher.latest is None and self.cluster.watcher.problem is None:
            await self.cluster.watcher.tick()
        job = self._job()
        if job is None or job.state is not JobState.GONE:
            return None
        self.cluster.ledger.end(self.spawn_id, job.word)
        return 1

    async def stop(self, now: bool = False) -> None:
        """Cancel the job and wait until it is gone; what can't be done now, the reconciler does later."""
        spawn_id, job_id = self.spawn_id, self.job_id
        self.cluster.ledger.end(spawn_id, "stopped")
        self.cluster.expected.pop(spawn_id, None)
        if not job_id:
            return
        try:
            await self.cluster.scheduler.cancel(self.user.name, job_id)
            with self.cluster.watcher.waiting():
                await asyncio.wait_for(self._until_gone(), STOP_SECONDS)
        except (SchedulerError, TimeoutError) as error:
            self.log.error("job %s of %s is still to be cancelled: %s", job_id, self._log_name, error)

    async def _until_gone(self) -> None:
        while (job := self._job()) is None or job.state is not JobState.GONE:
            await self.cluster.watcher.tick()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Where the job stands, each time that it changes; `queue` is what the page shows in its table."""
        last: dict[str, Any] = {}
        while True:
            event = self.whereabouts()
            if event != last:
                last = event
                yield dict(event)
            await self.cluster.watcher.tick()

    def whereabouts(self) -> dict[str, Any]:
        """Where the job stands now, for the queue page."""
        watcher, job = self.cluster.watcher, self._job()
        taken = watcher.latest.taken if watcher.latest else None
        running = job is not None and job.state is JobState.RUNNING
        return {
            "progress": 60 if running else 20 if job else 10,
            "message": state_in_words(job, watcher.problem, taken),
            "queue": {
                "job": self.job_id,
                "state": job.state.value if job else "",
                "place": job.place if job else None,
                "starts": job.starts.isoformat() if job and job.starts else None,
                "node": job.node if job else "",
                "explanation": list(self._plan.request.explanation) if self._plan else [],
            },
        }


def _options_from_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Unpack the lists that forms and query strings bring; the checks come later, the same for all."""
    unpacked = {key: value[0] if len(value) == 1 else value for key, value in form.items()}
    unpacked.pop("_xsrf", None)
    return unpacked


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
