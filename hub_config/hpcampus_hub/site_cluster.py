"""The cluster of one hub, put together from its site: the scheduler that the site has, and who may ask it."""

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.local import LocalScheduler
from hpcampus_spawner.scheduler import Scheduler
from hpcampus_spawner.slurm import SlurmScheduler

from hpcampus_hub.settings import Settings


def open_cluster(settings: Settings) -> Cluster:
    """Everything that the hub's servers share; cheap, nothing is asked yet."""
    site = settings.site
    homes = settings.state / "homes" if settings.shares_one_account else None
    launcher = Launcher(homes=homes, environment=settings.environment)
    scheduler: Scheduler
    if site.scheduler.kind == "slurm":
        scheduler = SlurmScheduler(launcher, settings.environment)
    else:
        cpus = sum(partition.cpus or 1 for partition in site.partitions)
        scheduler = LocalScheduler(launcher, settings.state / "queue.json", cpus)
    return Cluster(
        hub_id=settings.secret("hub-id")[:8],
        site=site,
        launcher=launcher,
        scheduler=scheduler,
        ledger=Ledger(settings.database_url("spawns")),
    )
