"""Our hub's own configuration, with the benchmark's learners in its course."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import probe
from hpcampus_hub.settings import CONFIG_FILE
from hpcampus_spawner import watcher

watcher.BUSY_SECONDS /= probe.PLAN.get("haste", 1)
watcher.QUIET_SECONDS /= probe.PLAN.get("haste", 1)

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub provides it
load_subconfig(str(CONFIG_FILE))  # type: ignore[name-defined]  # noqa: F821
probe.install(c)
c.Authenticator.allowed_users = set(probe.PLAN["learners"])
c.JupyterHub.load_groups = {"gpu-numba": {"users": probe.PLAN["learners"]}}
