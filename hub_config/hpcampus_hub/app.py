"""JupyterHub, with one habit more: after a start it takes up the jobs that an earlier life left behind."""

import asyncio
import json
import logging
from datetime import timedelta

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.gauges import ClusterGauges
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.reconcile import adopt_all, settle_for_ever
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.spawner import BatchSpawner
from jupyterhub.app import JupyterHub
from jupyterhub.utils import make_ssl_context, url_escape_path, url_path_join
from prometheus_client import REGISTRY
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from traitlets import Int, Unicode

from hpcampus_hub import discretion
from hpcampus_hub.database_outage import answer_503_meanwhile
from hpcampus_hub.idle_servers import IDLE, stop_idle_for_ever
from hpcampus_hub.operations import READY, hub_readiness
from hpcampus_hub.settings import Settings


class CampusHub(JupyterHub):
    """The hub of HPCampus; `jupyterhub` alone would run too, but would not adopt pending jobs."""

    name = "campus-hub"

    reconciler_token = Unicode(help="The token of the service that may start servers again.").tag(config=True)
    idle_seconds = Int(0, help="After how long an unused server is stopped; 0 for never.").tag(config=True)

    async def start(self) -> None:
        """Start as ever, then reconcile for as long as the hub runs."""
        # What our own parts say stands in the hub's log, in its form and at its level.
        ours = logging.getLogger("hpcampus")
        ours.handlers, ours.propagate = self.log.handlers, False
        ours.setLevel(self.log.level)
        discretion.apply_to(self.log)
        answer_503_meanwhile(self.db)
        await super().start()
        ready = hub_readiness(Settings.from_environment(), self.proxy, self.db)
        self.tornado_application.settings[READY] = ready
        clusters = BatchSpawner.clusters.values()
        REGISTRY.register(ClusterGauges(clusters))
        for cluster in clusters:
            for away in cluster.ledger.sites() - set(BatchSpawner.clusters):
                self.log.error("jobs at %s are left alone: it is none of this hub's sites any more", away)
        self._reconciling = [asyncio.create_task(self._reconcile(cluster)) for cluster in clusters]
        if self.idle_seconds:
            limit = timedelta(seconds=self.idle_seconds)
            culling = stop_idle_for_ever(lambda: list(self.users.values()), limit, self._stop_idle, self.log)
            self._reconciling.append(asyncio.create_task(culling))

    async def _reconcile(self, cluster: Cluster) -> None:
        cluster.watch()
        await adopt_all(cluster, self._resume)
        await settle_for_ever(cluster)

    async def _resume(self, spawn: Spawn) -> None:
        """Start the server again with the options it had; its start finds the job and adopts it."""
        if self._is_active(spawn):
            return
        self.log.info("taking up job %s of %s/%s again", spawn.job_id, spawn.learner, spawn.server)
        body = json.dumps({"user_options": spawn.options})
        try:
            await self._ask("POST", spawn.learner, spawn.server, body)
        except HTTPClientError as error:
            # The learner may have been quicker and pressed Start.
            if self._is_active(spawn):
                return
            if 400 <= error.code < 500:
                raise Refused("not-resumed", f"the hub answered {error.code}") from error
            raise

    async def _stop_idle(self, spawner: BatchSpawner) -> None:
        """Stop it as its learner would, but remember why."""
        if spawner.job is not None:
            spawner.job.ended(IDLE)
        await self._ask("DELETE", spawner.user.name, spawner.name)

    async def _ask(self, method: str, learner: str, server: str, body: str | None = None) -> None:
        """Start or stop one server through the hub's own API."""
        path = ("users", url_escape_path(learner), "servers", url_escape_path(server))
        headers = {"Authorization": f"token {self.reconciler_token}"}
        url = url_path_join(self.hub.api_url, *path)
        ours = make_ssl_context(self.internal_ssl_key, self.internal_ssl_cert, self.internal_ssl_ca)
        request = HTTPRequest(url, method=method, headers=headers, body=body, ssl_options=ours)
        await AsyncHTTPClient().fetch(request)

    async def update_last_activity(self) -> None:
        """Believe what servers say of their use: to the proxy, an open page's heartbeat is a use too."""
        await self.proxy.check_routes(self.users, self._service_map)

    def _is_active(self, spawn: Spawn) -> bool:
        user = next((user for user in self.users.values() if user.name == spawn.learner), None)
        return user is not None and spawn.server in user.spawners and bool(user.spawners[spawn.server].active)


main = CampusHub.launch_instance

if __name__ == "__main__":
    main()
