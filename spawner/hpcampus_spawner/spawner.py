"""A notebook server as a batch job, on JupyterHub's own base class."""

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext
from typing import Any, ClassVar
from urllib.parse import urlparse

from jupyterhub.spawner import Spawner
from jupyterhub.utils import make_ssl_context, url_path_join
from traitlets import Any as AnyTrait
from traitlets import default

from hpcampus_spawner import metrics
from hpcampus_spawner.admission import Admission, Admit, Person
from hpcampus_spawner.answering import until_answers
from hpcampus_spawner.certificates import AUTHORITY, alt_name, authority
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.failure import SpawnFailed
from hpcampus_spawner.job import Job, ReportRefused
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.listening import until_listens
from hpcampus_spawner.options import Options, parse_options
from hpcampus_spawner.origin import Address
from hpcampus_spawner.placement import place
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import VARIABLE, JobRequest
from hpcampus_spawner.scheduler import JobState, Submission
from hpcampus_spawner.script import job_script
from hpcampus_spawner.whereabouts import age_seconds, changes, whereabouts
from hpcampus_spawner.words import ANSWERS

# A healthy job may wait in the queue for as long as it takes.
QUEUE_SECONDS = 30 * 24 * 3600
CANCELLED = "Spawn cancelled"
"""What JupyterHub's own event says."""


@dataclass(frozen=True)
class Plan:
    """What was decided about a start, before anything was submitted."""

    cluster: Cluster
    admission: Admission
    request: JobRequest


class BatchSpawner(Spawner):
    """One server of one learner. `clusters`, by site, and `admit` are set once for the whole hub.

    The operator's order of the clusters counts: who names no site gets the first where the request fits.
    """

    clusters: ClassVar[Mapping[str, Cluster]]
    admit: ClassVar[Admit]

    job: Job | None = None
    asked: Options | None = None
    """What was asked for last in this life of the hub, refused or not: the form shows it again."""
    _plan: Plan | None = None
    _cancelled: bool = False

    start_timeout = AnyTrait(QUEUE_SECONDS)

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Any:
        return BatchSpawner._make_plan

    @default("progress_ready_hook")
    def _progress_ready_hook_default(self) -> Any:
        return BatchSpawner._ready_event

    def _ready_event(self, event: dict[str, Any]) -> dict[str, Any]:
        """To JupyterHub a cancelled start is a ready server until its stop begins; pages hear the truth."""
        return {"progress": 100, "failed": True, "message": CANCELLED} if self._cancelled else event

    @default("options_from_form")
    def _options_from_form_default(self) -> Any:
        return _options_from_form

    def _make_plan(self, raw: object) -> None:
        """Every way to start a server passes here: form, query string, JSON API and adoption."""
        try:
            self.asked = options = parse_options(raw)
            self._plan = self._first_that_fits(options, self._wished(options))
        except Refused as refused:
            metrics.FAILED_STARTS.labels("", refused.reason).inc()
            self.log.warning("refused to start %s: %s: %a", self._log_name, refused.reason, refused.sentence)
            raise SpawnFailed(refused.sentence, reason=refused.reason) from None

    def _wished(self, options: Options) -> Iterable[Cluster]:
        if options.site is None:
            return self.clusters.values()
        if options.site not in self.clusters:
            raise Refused("site", f"There is no such site here. There are: {', '.join(self.clusters)}.")
        return [self.clusters[options.site]]

    def _first_that_fits(self, options: Options, clusters: Iterable[Cluster]) -> Plan:
        refusals = []
        for cluster in clusters:
            try:
                return self._plan_at(cluster, options)
            except Refused as refused:
                refusals.append(refused)
        raise refusals[0]

    def _plan_at(self, cluster: Cluster, options: Options) -> Plan:
        groups = frozenset(group.name for group in self.user.groups)
        person = Person(self.user.name, groups)
        admission = type(self).admit(person, self.name, options, cluster.site.id)
        cluster.launcher.check(person.name)
        # A job that is there already is taken up again, whatever has changed since it was submitted.
        live = cluster.ledger.live(person.name, self.name)
        seen = None if live else cluster.availability.look()
        request = place(person.name, admission, cluster.site, seen, datetime.now(UTC))
        return Plan(cluster, admission, request)

    @property
    def spawn_id(self) -> str:
        """Which spawn this is; empty while there is none."""
        return self.job.spawn_id if self.job else ""

    @property
    def job_id(self) -> str:
        """What the scheduler calls the job; empty until it has named one."""
        return self.job.job_id if self.job else ""

    # -- state that outlives the hub

    def get_state(self) -> dict[str, Any]:
        """What a restarted hub needs to find the job again."""
        state: dict[str, Any] = super().get_state()
        if self.job is not None:
            state |= {
                "spawn_id": self.job.spawn_id,
                "job_id": self.job.job_id,
                "site": self.job.cluster.site.id,
                "api_token": self.api_token,
            }
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up where the hub before left off; a job at a site that the hub lost is left alone."""
        super().load_state(state)
        self.api_token = state.get("api_token", "")
        cluster = self.clusters.get(state.get("site", ""))
        if cluster is not None:
            self.job = Job(cluster, self.user.name, state["spawn_id"])
            self.job.named(state["job_id"])

    def clear_state(self) -> None:
        """Forget the job; the ledger doesn't."""
        super().clear_state()
        if self.job is not None:
            self.job.cluster.expected.pop(self.job.spawn_id, None)
            self.job.forget_way()
        self.job = None

    # -- start

    async def start(self) -> str:
        """Submit the job, or adopt the one that is there, and wait until it reports where it listens."""
        assert self._plan is not None
        self._cancelled = False
        try:
            return await self._start(self._plan)
        except asyncio.CancelledError:
            self._cancelled = True
            raise
        except SpawnFailed as failed:
            metrics.FAILED_STARTS.labels(self._plan.cluster.site.id, failed.reason).inc()
            raise

    async def _start(self, plan: Plan) -> str:
        spawn = plan.cluster.ledger.live(self.user.name, self.name)
        job = await self._submit(plan, self._starter()) if spawn is None else await self._adopt(spawn, plan)
        self.ip, self.port = await job.where()
        host, port = await job.way_in(self.ip, self.port)
        await until_listens(host, port)
        job.ready()
        job.history.note(ANSWERS)
        return f"{'https' if self.internal_ssl else 'http'}://{host}:{port}"

    def _starter(self) -> str | None:
        """Who pressed Start, if it is a person and not the learner."""
        asker: Any = getattr(self.handler, "current_user", None)
        is_person = getattr(asker, "kind", "") == "user"
        return asker.name if is_person and asker.name != self.user.name else None

    async def get_url(self) -> str:
        """A hub that has just started asks; it stops a server that doesn't answer there soon afterwards.

        So a slow one is waited for here, for as long as its job lives and within reason.
        """
        url = await self._present_url()
        if self.job is not None:
            await until_answers(url, self._ssl_context(), self.job.is_gone)
        return url

    async def _present_url(self) -> str:
        """A way through a login node may have to be made again."""
        url = str(await super().get_url())
        job = self.job
        spawn = job.cluster.ledger.live(self.user.name, self.name) if job else None
        if job is None or spawn is None or spawn.port is None or job.cluster.network.lasting:
            return url
        try:
            host, port = await job.way_back_in(spawn.port, before=self.server.port)
        except SpawnFailed:
            # It has just ended, as the next poll will say.
            return url
        return urlparse(url)._replace(netloc=f"{host}:{port}").geturl()

    def _ssl_context(self) -> SSLContext | None:
        """What a hub with internal_ssl shows its servers."""
        known = self.user.settings.get
        files = known("internal_ssl_key"), known("internal_ssl_cert")
        context: SSLContext | None = make_ssl_context(*files, cafile=known("internal_ssl_ca"))
        return context

    async def _submit(self, plan: Plan, started_by: str | None) -> Job:
        spawn_id, secret = uuid.uuid4().hex, secrets.token_urlsafe(32)
        site, tag = plan.cluster.site, plan.cluster.tag(spawn_id)
        # Written down before the scheduler is told: from here on no crash can lose the job.
        plan.cluster.ledger.open(
            spawn_id=spawn_id,
            learner=self.user.name,
            server=self.name,
            site=site.id,
            tag=tag,
            options={**self.user_options, "site": site.id},
            gpus=plan.request.gpus,
            started_by=started_by,
            secret=secret,
        )
        job = self._expect(plan.cluster, spawn_id)
        report_url = url_path_join(self._api_url(), "campus", "spawns", spawn_id, "port")
        submission = Submission(
            spawn_id=spawn_id,
            tag=tag,
            request=plan.request,
            script=job_script(site, plan.request, spawn_id, plan.cluster.software),
            ticket=json.dumps({"url": report_url, "secret": secret, **self._authorities()}),
            wanted=tuple(plan.cluster.ledger.unsettled_of(self.user.name)),
        )
        await job.submit(submission)
        self.log.info("submitted job %s for %s (%s)", job.job_id, self._log_name, tag)
        return job

    async def _adopt(self, spawn: Spawn, plan: Plan) -> Job:
        """Take over the job that an earlier life of the hub submitted."""
        if spawn.site not in self.clusters:
            raise SpawnFailed(
                f"Your notebook may still be at {spawn.site}, which can't be reached from here now. "
                "Ask the people who run this hub.",
                reason="site-away",
                status=503,
            )
        job = self._expect(self.clusters[spawn.site], spawn.spawn_id)
        if not await job.adopt(spawn):
            return await self._submit(plan, spawn.started_by)
        if spawn.port is not None:
            self.api_token = spawn.api_token or self.api_token
        self.log.info("adopted job %s for %s", job.job_id, self._log_name)
        return job

    def _api_url(self) -> str:
        """Where the job finds the hub's API."""
        url = str(self.hub.api_url)
        return url_path_join(self.hub_connect_url, urlparse(url).path) if self.hub_connect_url else url

    def _expect(self, cluster: Cluster, spawn_id: str) -> Job:
        cluster.watch()
        self.hub_connect_url = cluster.network.hub_url
        self.job = Job(cluster, self.user.name, spawn_id)
        cluster.expected[spawn_id] = self
        return self.job

    # -- the report of the job

    async def accept_report(
        self, secret: str, key: str, port: int, source: Address | None
    ) -> Mapping[str, Any]:
        """Believe one port, once, from the one job that holds the secret, at its node; answer what it needs.

        Raises `ReportRefused`, or `SchedulerError` when it should be tried again later.
        """
        job = self.job
        spawn = job.cluster.ledger.live(self.user.name, self.name) if job else None
        if job is None or spawn is None or spawn.spawn_id != job.spawn_id:
            raise ReportRefused(410, "this server is no longer wanted")
        node = await job.recognise(spawn, secret, source)
        # From here on nothing is waited for: of two reports at once one wins.
        if self.job is not job:
            raise ReportRefused(410, "this server was stopped just now")
        if self.ready:
            raise ReportRefused(409, "this job has reported before")
        job.claim(spawn, key, port)
        self.ip, self.port = node, port
        answer = {"environment": self.get_env(), "arguments": self.get_args(), **self._certificate(job)}
        job.cluster.ledger.reported(job.spawn_id, port, self.api_token)
        job.reported(port)
        return answer

    # -- TLS between hub, proxy and server, where JupyterHub's `internal_ssl` is on

    async def create_certs(self) -> dict[str, str]:
        """None yet: JupyterHub asks before the start, when nobody knows where the server will be."""
        return {}

    def _certificate(self, job: Job) -> dict[str, Any]:
        """A key for the job that reports now, and a certificate for the address that it is reached by."""
        if not self.internal_ssl:
            return {}
        # The proxy checks the name that the browser asked for, where that is a name and not an address.
        names = [alt_name(job.cluster.network.host(self.ip)), *self.trusted_alt_names]
        return {"tls": authority(self.internal_certs_location).issue(job.spawn_id, names)}

    def _authorities(self) -> dict[str, str]:
        """Who vouches for the hub and the proxy, for the job; nothing where all is plain."""
        if not self.internal_ssl:
            return {}
        return {"authorities": Path(self.internal_trust_bundles[AUTHORITY]).read_text()}

    def get_env(self) -> dict[str, str]:
        """The environment of the server: JupyterHub's own, and what the course adds."""
        assert self._plan is not None
        self.default_url = self._plan.admission.page
        environment: dict[str, str] = {**super().get_env(), **self._plan.admission.environment}
        environment[VARIABLE] = self._plan.request.model_dump_json(exclude={"explanation"})
        if not self._plan.request.gpus:
            environment["NUMBA_ENABLE_CUDASIM"] = "1"
        return environment

    # -- life and end

    def ends(self) -> datetime | None:
        """When the job's time is over; None where nobody knows."""
        status = self.job.status() if self.job else None
        return status.ends if status else None

    async def poll(self) -> int | None:
        """None while the job lives or nobody knows; a number only when the scheduler said it is gone."""
        if self.job is None:
            return 0
        cluster = self.job.cluster
        cluster.watch()
        if cluster.watcher.latest is None and cluster.watcher.problem is None:
            await cluster.watcher.tick()
        status = self.job.status()
        if status is None or status.state is not JobState.GONE:
            return None
        self.job.ended(status.word)
        return 1

    async def stop(self, now: bool = False) -> None:
        """Cancel the job and wait until it is gone."""
        if self.job is None:
            return
        job = self.job
        job.ended("stopped")
        job.cluster.expected.pop(job.spawn_id, None)
        await job.cancel()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Where the job stands, each time that it changes and now and then; see `changes`."""
        async for event in changes(self._cluster, self.whereabouts):
            yield event

    def whereabouts(self) -> dict[str, Any]:
        """Where the job stands now, and its history: what the queue page shows."""
        return whereabouts(self._cluster(), self.job, self._plan.request if self._plan else None)

    def answer_age(self) -> float | None:
        """How old the scheduler's latest answer is, in seconds; None while there is none."""
        cluster = self._cluster()
        return age_seconds(cluster) if cluster else None

    def _cluster(self) -> Cluster | None:
        """The cluster that this server is on, or is to be on."""
        if self.job is not None:
            return self.job.cluster
        return self._plan.cluster if self._plan else None


def _options_from_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Unpack the lists that forms and query strings bring; the checks come later, the same for all."""
    unpacked = {key: value[0] if len(value) == 1 else value for key, value in form.items()}
    unpacked.pop("_xsrf", None)
    return unpacked
