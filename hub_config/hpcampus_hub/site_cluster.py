"""The clusters of one hub, each put together from its site: the scheduler there, and who may ask it."""

from collections.abc import Mapping

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.local import LocalScheduler
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.pbs import PbsScheduler
from hpcampus_spawner.scheduler import Scheduler
from hpcampus_spawner.site import Site
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.software import SiteSoftware

from hpcampus_hub.settings import Settings


def open_clusters(settings: Settings) -> Mapping[str, Cluster]:
    """By site, in the operator's order; cheap, nothing is asked yet. They share one ledger."""
    ledger = Ledger(settings.database_url("spawns"))
    return {site_id: _open(settings, settings.site(site_id), ledger) for site_id in settings.site_ids}


def _open(settings: Settings, site: Site, ledger: Ledger) -> Cluster:
    homes = settings.state / "homes" if settings.shares_one_account else None
    environment = settings.environments.get(site.id, {})
    launcher = Launcher(homes=homes, environment=environment)
    return Cluster(
        hub_id=settings.secret("hub-id")[:8],
        site=site,
        launcher=launcher,
        scheduler=_scheduler(settings, site, launcher, environment),
        ledger=ledger,
        software=_software(settings, site),
    )


def _software(settings: Settings, site: Site) -> SiteSoftware:
    """What the deployment says of this site, without gaps that a learner would fall into."""
    software = settings.deployment.software.get(site.id, SiteSoftware())
    problem = next(software.problems(site), None)
    if problem is not None:
        raise BadFile(f"campus.yaml: software.{site.id}: {problem}")
    return software


def _scheduler(
    settings: Settings, site: Site, launcher: Launcher, environment: Mapping[str, str]
) -> Scheduler:
    if site.scheduler.kind == "slurm":
        return SlurmScheduler(launcher, environment)
    if site.scheduler.kind == "pbspro":
        return PbsScheduler(launcher, environment)
    cpus = sum(partition.cpus or 1 for partition in site.partitions)
    return LocalScheduler(launcher, settings.state / "queue.json", cpus)
