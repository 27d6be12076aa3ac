"""The areas of the hub's configuration, one function for each."""

import os
import shutil
import sys
from typing import Any

from hpcampus_spawner import remaining_time, report
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.spawner import BatchSpawner

from hpcampus_hub import (
    class_pages,
    deadlines,
    lasting_proxy,
    operations,
    own_notebooks,
    private_files,
    status_pages,
)
from hpcampus_hub.deadlines import Deadlines
from hpcampus_hub.demo import DemoAuthenticator, demo_passwords
from hpcampus_hub.endings import Endings
from hpcampus_hub.enrolment import Enrolment
from hpcampus_hub.instructors_pages import Records
from hpcampus_hub.lasting_proxy import LastingProxy
from hpcampus_hub.pages import TEMPLATES, CampusPages
from hpcampus_hub.prewarm import PREWARM, prewarm_scope
from hpcampus_hub.settings import Settings
from hpcampus_hub.site_cluster import open_clusters
from hpcampus_hub.sqlite import QuickCommits
from hpcampus_hub.tls import drop_stale, hub_certificate

EXCHANGE = "access:services!service=exchange"
# Tokens that people make for themselves. A server's own ends with the server.
LONGEST_TOKEN_SECONDS = 30 * 24 * 3600


def hub(c: Any, settings: Settings) -> None:
    """Addresses, database, secrets, and a hub whose servers and proxy outlive it."""
    # Whatever the hub writes holds secrets or grades.
    os.umask(0o077)
    private_files.check(settings.state)
    ports = settings.ports()
    inside = "https" if settings.deployment.tls else "http"
    c.JupyterHub.bind_url = settings.url
    c.JupyterHub.hub_bind_url = f"{inside}://127.0.0.1:{ports['hub']}"
    c.JupyterHub.db_url = settings.database_url("hub")
    if not settings.database:
        c.JupyterHub.db_kwargs = {"connect_args": {"factory": QuickCommits, "check_same_thread": False}}
    c.JupyterHub.cookie_secret_file = str(settings.state / "cookie.secret")
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.redirect_to_server = False
    c.JupyterHub.default_url = "/hub/home"
    c.JupyterHub.token_expires_in_max_seconds = LONGEST_TOKEN_SECONDS
    settings.save()
    c.JupyterHub.extra_handlers = [
        *report.HANDLERS,
        *remaining_time.HANDLERS,
        *operations.handlers(settings.catalogue.courses),
        *own_notebooks.handlers(settings.catalogue.courses),
        *class_pages.handlers(settings.catalogue.courses),
    ]
    c.JupyterHub.proxy_class = LastingProxy
    c.ConfigurableHTTPProxy.auth_token = settings.secret("proxy")
    c.ConfigurableHTTPProxy.check_running_interval = lasting_proxy.LOOK_SECONDS
    c.ConfigurableHTTPProxy.api_url = f"{inside}://127.0.0.1:{ports['proxy_api']}"
    c.ConfigurableHTTPProxy.pid_file = str(settings.proxy_pid_file)
    c.ConfigurableHTTPProxy.command = [shutil.which("configurable-http-proxy") or "configurable-http-proxy"]


def tls(c: Any, settings: Settings) -> None:
    """Certificates for everybody who talks to the hub, to the proxy or to a notebook server."""
    if settings.deployment.tls is None:
        return
    names = settings.deployment.certified_names()
    drop_stale(settings.certificates, names)
    c.JupyterHub.internal_ssl = True
    c.JupyterHub.internal_certs_location = str(settings.certificates)
    c.JupyterHub.trusted_alt_names = names
    key, certificate = hub_certificate(settings.certificates)
    c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = str(key), str(certificate)


def pages(c: Any, settings: Settings) -> None:
    """Our own pages over JupyterHub's; needs the clusters that `servers` opens."""
    campus = CampusPages(BatchSpawner.clusters, _enrolment(settings))
    endings = Endings(Ledger(settings.database_url("spawns")))
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    records = Records(settings.database_url("exchange"))
    own = Deadlines(records)
    c.JupyterHub.template_vars = {"campus": campus, "endings": endings, "deadlines": own}
    c.JupyterHub.extra_handlers += deadlines.handlers(_enrolment(settings), own)
    c.JupyterHub.extra_handlers += status_pages.handlers(_enrolment(settings), records)
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
    # Whoever presses Start sees the queue page at once; what the scheduler says comes there.
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.Spawner.http_timeout = 120
    c.Spawner.poll_interval = 10
    c.Spawner.env_keep = ["LANG"]


def monitoring(c: Any, settings: Settings) -> None:
    """Who may read the metrics: whoever has the token of a service that may do nothing else."""
    name = "monitoring"
    c.JupyterHub.services += [{"name": name, "api_token": settings.secret(name), "display": False}]
    c.JupyterHub.load_roles += [{"name": name, "services": [name], "scopes": ["read:metrics"]}]


def classes(c: Any, settings: Settings) -> None:
    """Instructors may start their course's servers for its roster: a right of its own for each course."""
    c.JupyterHub.custom_scopes = {PREWARM: {"description": "Start a course's servers for its roster."}}
    c.JupyterHub.load_roles += [
        {
            "name": f"instructors-of-{course.slug}",
            "description": f"Start servers for the class of {course.title}.",
            "groups": [course.instructors],
            "scopes": [prewarm_scope(course)],
        }
        for course in settings.catalogue.courses.values()
    ]


def exchange(c: Any, settings: Settings) -> None:
    """The exchange of assignments, submissions and feedback, and who may reach it."""
    c.JupyterHub.services += [
        {
            "name": "exchange",
            "url": f"http://127.0.0.1:{settings.ports()['exchange']}",
            "command": [sys.executable, "-m", "hpcampus_grading.service"],
            "environment": {
                **exchange_environment(settings),
                "CAMPUS_LTI": settings.deployment.lti.model_dump_json(),
            },
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
