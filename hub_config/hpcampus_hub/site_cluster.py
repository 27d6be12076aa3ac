"""The clusters of one hub, each put together from its site: the scheduler there, and how it is reached."""

from collections.abc import Mapping

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.commands import Commands, CountedCommands, LocalCommands
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.local import LocalScheduler
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.network import Direct, Network, Tunnel
from hpcampus_spawner.pbs import PbsScheduler
from hpcampus_spawner.scheduler import Scheduler
from hpcampus_spawner.site import Site
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.software import SiteSoftware
from hpcampus_spawner.ssh import Connection, Ssh, SshCommands, SshSite
from hpcampus_spawner.ways import Root, SharedAccount, Sudo, Way

from hpcampus_hub.reach import Reach
from hpcampus_hub.settings import Settings


def open_clusters(settings: Settings) -> Mapping[str, Cluster]:
    """By site, in the operator's order; cheap, nothing is asked yet. They share one ledger."""
    ledger = Ledger(settings.database_url("spawns"))
    return {site_id: _open(settings, settings.site(site_id), ledger) for site_id in settings.site_ids}


def _open(settings: Settings, site: Site, ledger: Ledger) -> Cluster:
    way, commands, network = _reach(settings, site)
    launcher = Launcher(way, site.id)
    return Cluster(
        hub_id=settings.secret("hub-id")[:8],
        site=site,
        launcher=launcher,
        scheduler=_scheduler(settings, site, launcher, CountedCommands(site.id, commands)),
        ledger=ledger,
        network=network,
        software=_software(settings, site),
        reports_from=reach.origins if (reach := _reach_of(settings, site)) else (),
    )


def _software(settings: Settings, site: Site) -> SiteSoftware:
    """What the deployment says of this site, without gaps that a learner would fall into."""
    software = settings.deployment.software.get(site.id, SiteSoftware())
    problem = next(software.problems(site), None)
    if problem is not None:
        raise BadFile(f"campus.yaml: software.{site.id}: {problem}")
    return software


def _reach(settings: Settings, site: Site) -> tuple[Way, Commands, Network]:
    """How the hub becomes a learner there, asks the scheduler, and gets to the nodes."""
    environment, reach = settings.environments.get(site.id, {}), _reach_of(settings, site)
    if reach is not None and reach.ssh is not None:
        return _through_login_node(settings, site, reach.ssh)
    way: Way
    if reach is not None and reach.sudo is not None:
        way = Sudo(reach.sudo.group)
    elif settings.shares_one_account:
        way = SharedAccount(settings.state / "homes", environment)
    else:
        way = Root(environment)
    # Through the proxy, whose certificate jobs believe: the hub itself wants to see one of theirs.
    return way, LocalCommands(environment), Direct(settings.url if settings.deployment.tls else None)


def _reach_of(settings: Settings, site: Site) -> Reach | None:
    """Where there are variables for it, a twin on this machine stands in for the site."""
    return None if settings.environments.get(site.id) else settings.deployment.reach.get(site.id)


def _through_login_node(settings: Settings, site: Site, ssh: SshSite) -> tuple[Way, Commands, Network]:
    # The proxy's port: hub and exchange are both behind it.
    connection = Connection(ssh, settings.state / "ssh" / site.id, settings.address)
    return Ssh(connection), SshCommands(connection), Tunnel(connection, ssh.hub_url)


def _scheduler(settings: Settings, site: Site, launcher: Launcher, commands: Commands) -> Scheduler:
    if site.scheduler.kind == "slurm":
        return SlurmScheduler(launcher, commands)
    if site.scheduler.kind == "pbspro":
        return PbsScheduler(launcher, commands, site.partitions)
    cpus = sum(partition.cpus or 1 for partition in site.partitions)
    return LocalScheduler(launcher, settings.state / "queue.json", cpus)
