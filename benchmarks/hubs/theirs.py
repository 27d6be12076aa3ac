"""A hub with a spawner that people use instead, set up as its own manual says; nothing is tuned but limits.

`PLAN["one_account"]` has all learners share the hub's own Unix account, as ours does then, and needs no sudo.
"""

import os
import pwd
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import batchspawner
import probe

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub provides it
PLAN = probe.PLAN
BIN = Path(sys.executable).parent

if PLAN["kind"] == "moss":
    import jupyterhub_moss

    base = jupyterhub_moss.MOSlurmSpawner
    jupyterhub_moss.set_config(c)
    environment = {"description": "notebooks", "path": str(BIN)}
    c.MOSlurmSpawner.partitions = {
        PLAN["partition"]: {
            "architecture": "x86_64",
            "description": "GPUs",
            "simple": True,
            "jupyter_environments": {"default": environment},
        }
    }
else:
    base = batchspawner.SlurmSpawner
    c.SlurmSpawner.batchspawner_singleuser_cmd = str(BIN / "batchspawner-singleuser")
    c.SlurmSpawner.req_partition = PLAN["partition"]
    c.SlurmSpawner.req_gres = "gpu:1"
    c.SlurmSpawner.req_runtime = "60"
    c.SlurmSpawner.req_options = f"--account={PLAN['account']}"


class Spawner(base):  # type: ignore[misc,valid-type]
    """The spawner as it is; for learners without a Unix account, with the hub's own."""

    def _req_homedir_default(self) -> str:
        return pwd.getpwuid(os.getuid()).pw_dir if PLAN["one_account"] else super()._req_homedir_default()

    def state_gethost(self) -> str:
        """The names of a twin's nodes mean something only to its Slurm."""
        return "127.0.0.1"

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        return env if PLAN["one_account"] else super().user_env(env)


c.JupyterHub.spawner_class = Spawner
if PLAN["one_account"]:
    c.Spawner.exec_prefix = ""
c.Spawner.cmd = [str(BIN / "jupyterhub-singleuser")]
c.Spawner.env_keep = ["PATH", "LANG", "SLURM_CONF"]
c.Spawner.start_timeout = 3600
# As in ours: what is measured is a class that waits, not a limit on how many may.
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.cleanup_servers = False
c.JupyterHub.bind_url = f"http://127.0.0.1:{PLAN['port']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PLAN['hub_port']}"
c.JupyterHub.db_url = f"sqlite:///{PLAN['state']}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{PLAN['state']}/cookie.secret"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PLAN['proxy_port']}"
c.ConfigurableHTTPProxy.pid_file = f"{PLAN['state']}/proxy.pid"
c.Authenticator.allowed_users = set(PLAN["learners"])
probe.install(c)
