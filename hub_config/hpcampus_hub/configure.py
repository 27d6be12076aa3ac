"""The areas of the hub's configuration, one function for each."""

import os
import shutil
import sys
from typing import Any

from hpcampus_spawner import remaining_time, report
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.spawner import BatchSpawner

from hpcampus_hub import operations, own_notebooks
from hpcampus_hub.demo import DemoAuthenticator, demo_passwords
from hpcampus_hub.endings import Endings
from hpcampus_hub.enrolment import Enrolment
from hpcampus_hub.pages import TEMPLATES, CampusPages
from hpcampus_hub.settings import Settings
from hpcampus_hub.site_cluster import open_clusters
from hpcampus_hub.sqlite import QuickCommits

EXCHANGE = "access:services!service=exchange"


def hub(c: Any, settings: Settings) -> None:
    """Addresses, database, secrets, and a hub whose servers outlive it."""
    # Whatever the hub writes holds secrets or grades.
    os.umask(0o077)
    ports = settings.ports()
    c.JupyterHub.bind_url = settings.url
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports['hub']}"
    c.JupyterHub.db_url = settings.database_url("hub")
    if not settings.database:
        c.JupyterHub.db_kwargs = {"connect_args": {"factory": QuickCommits, "check_same_thread": False}}
    c.JupyterHub.cookie_secret_file = str(settings.state / "cookie.secret")
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.redirect_to_server = False
    c.JupyterHub.default_url = "/hub/home"
    settings.save()
    courses = frozenset(settings.catalogue.courses)
    c.JupyterHub.extra_handlers = [
        *report.HANDLERS,
        *remaining_time.HANDLERS,
        *operations.HANDLERS,
        *own_notebooks.handlers(courses),
    ]
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports['proxy_api']}"
    c.ConfigurableHTTPProxy.pid_file = str(settings.state / "proxy.pid")
    c.ConfigurableHTTPProxy.command = [shutil.which("configurable-http-proxy") or "configurable-http-proxy"]


def pages(c: Any, settings: Settings) -> None:
    """Our own pages over JupyterHub's; needs the clusters that `servers` opens."""
    campus = CampusPages(BatchSpawner.clusters, _enrolment(settings))
    endings = Endings(Ledger(settings.database_url("spawns")))
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {"campus": campus, "endings": endings}
    c.Spawner.options_form = campus.resource_form


def servers(c: Any, settings: Settings) -> None:
    """Notebook servers are jobs. A queued job takes none of the hub's places for starting servers."""
    BatchSpawner.clusters = open_clusters(settings)
    BatchSpawner.admit = staticmethod(_enrolment(settings).admit)
    c.JupyterHub.spawner_class = BatchSpawner
    c.JupyterHub.concurrent_spawn_limit = 0
    token = settings.secret("reconciler")
    c.CampusHub.reconciler_token = token
    c.CampusHub.idle_seconds = 60 * (settings.deployment.stop_idle_after_minutes or 0)
    c.JupyterHub.services = [{"name": "reconciler", "api_token": token, "display": False}]
    c.JupyterHub.load_roles = [{"name": "reconciler", "services": ["reconciler"], "scopes": ["servers"]}]
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
    c.Spawner.http_timeout = 120
    c.Spawner.poll_interval = 10
    c.Spawner.env_keep = ["LANG"]


def exchange(c: Any, settings: Settings) -> None:
    """The exchange of assignments, submissions and feedback, and who may reach it."""
    c.JupyterHub.services += [
        {
            "name": "exchange",
            "url": f"http://127.0.0.1:{settings.ports()['exchange']}",
            "command": [sys.executable, "-m", "hpcampus_grading.service"],
            "environment": exchange_environment(settings),
            "display": False,
        }
    ]
    c.JupyterHub.load_roles += [
        {
            "name": "exchange",
            "services": ["exchange"],
            "scopes": ["read:users:name", "read:users:groups", "list:groups", "read:groups"],
        },
        {"name": "user", "scopes": ["self", EXCHANGE]},
        {
            "name": "server",
            "scopes": [
                "users:activity!user",
                "access:servers!server",
                "read:users:groups!user",
                EXCHANGE,
            ],
        },
    ]


def exchange_environment(settings: Settings) -> dict[str, str]:
    """Where the exchange keeps things; also for the operator's commands on this machine."""
    return {
        "CAMPUS_EXCHANGE_DB": settings.database_url("exchange"),
        "CAMPUS_EXCHANGE_STORE": str(settings.state / "store"),
        "CAMPUS_COURSES": str(settings.courses),
    }


def demo(c: Any, settings: Settings) -> None:
    """The people of the demo, and their groups."""
    people = settings.deployment.demo
    c.JupyterHub.authenticator_class = DemoAuthenticator
    c.DemoAuthenticator.passwords = demo_passwords(settings.state / "passwords.json", people)
    c.Authenticator.allowed_users = set(people)
    c.Authenticator.admin_users = {name for name, person in people.items() if person.admin}
    groups = sorted({group for person in people.values() for group in person.groups})
    c.JupyterHub.load_groups = {
        group: {"users": [name for name, person in people.items() if group in person.groups]}
        for group in groups
    }


def _enrolment(settings: Settings) -> Enrolment:
    return Enrolment(
        catalogue=settings.catalogue,
        deployment=settings.deployment,
        exchange_url=f"{settings.url}/services/exchange",
        exchange_elsewhere={
            site_id: f"{reach.ssh.hub_url}/services/exchange"
            for site_id, reach in settings.deployment.reach.items()
            if reach.ssh is not None
        },
    )
