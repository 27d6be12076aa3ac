"""JupyterHub, with one habit more: after a start it takes up the jobs that an earlier life left behind."""

import asyncio
import json

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.reconcile import adopt_all, settle_for_ever
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.spawner import BatchSpawner
from jupyterhub.app import JupyterHub
from jupyterhub.utils import url_escape_path, url_path_join
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from traitlets import Unicode


class CampusHub(JupyterHub):
    """The hub of HPCampus; `jupyterhub` alone would run too, but would not adopt pending jobs."""

    name = "campus-hub"

    reconciler_token = Unicode(help="The token of the service that may start servers again.").tag(config=True)

    async def start(self) -> None:
        """Start as ever, then reconcile for as long as the hub runs."""
        await super().start()
        clusters = BatchSpawner.clusters.values()
        for cluster in clusters:
            for away in cluster.ledger.sites() - set(BatchSpawner.clusters):
                self.log.error("jobs at %s are left alone: it is none of this hub's sites any more", away)
        self._reconciling = [asyncio.create_task(self._reconcile(cluster)) for cluster in clusters]

    async def _reconcile(self, cluster: Cluster) -> None:
        cluster.watch()
        await adopt_all(cluster, self._resume)
        await settle_for_ever(cluster)

    async def _resume(self, spawn: Spawn) -> None:
        """Start the server again with the options it had; its start finds the job and adopts it."""
        if self._is_active(spawn):
            return
        self.log.info("taking up job %s of %s/%s again", spawn.job_id, spawn.learner, spawn.server)
        path = ("users", url_escape_path(spawn.learner), "servers", url_escape_path(spawn.server))
        request = HTTPRequest(
            url_path_join(self.hub.api_url, *path),
            method="POST",
            headers={"Authorization": f"token {self.reconciler_token}"},
            body=json.dumps({"user_options": spawn.options}),
        )
        try:
            await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            # The learner may have been quicker and pressed Start.
            if self._is_active(spawn):
                return
            if 400 <= error.code < 500:
                raise Refused("not-resumed", f"the hub answered {error.code}") from error
            raise

    def _is_active(self, spawn: Spawn) -> bool:
        user = next((user for user in self.users.values() if user.name == spawn.learner), None)
        return user is not None and spawn.server in user.spawners and bool(user.spawners[spawn.server].active)


main = CampusHub.launch_instance

if __name__ == "__main__":
    main()
