"""Everything that the servers of one hub share: the site, its scheduler, the watcher and the ledger."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpcampus_spawner.availability import Availability
from hpcampus_spawner.estimates import Estimates
from hpcampus_spawner.history import Unwritten
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.network import Direct, Network
from hpcampus_spawner.origin import IpNetwork
from hpcampus_spawner.scheduler import Scheduler
from hpcampus_spawner.site import Site
from hpcampus_spawner.software import SiteSoftware
from hpcampus_spawner.turns import Turns
from hpcampus_spawner.watcher import Watcher

if TYPE_CHECKING:
    from hpcampus_spawner.spawner import BatchSpawner


@dataclass
class Cluster:
    """One cluster as a hub sees it; `hub_id` tells its jobs from those of other hubs on the same cluster."""

    hub_id: str
    site: Site
    launcher: Launcher
    scheduler: Scheduler
    ledger: Ledger
    software: SiteSoftware = field(default_factory=SiteSoftware)
    network: Network = field(default_factory=Direct)
    reports_from: tuple[IpNetwork, ...] = ()
    """From where jobs may report, beside their nodes' own addresses."""
    watcher: Watcher = field(init=False)
    availability: Availability = field(init=False)
    estimates: Estimates = field(init=False)
    unwritten: Unwritten = field(init=False)
    submissions: Turns = field(default_factory=Turns)
    farewells: Turns = field(default_factory=Turns)
    """Cancelling jobs and asking how they ended; nobody who leaves waits for a class that starts."""
    expected: dict[str, "BatchSpawner"] = field(default_factory=dict)
    """The spawners of this process whose jobs may report, by spawn id."""
    watching: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.scheduler)
        self.availability = Availability(self.scheduler)
        self.estimates = Estimates(self.scheduler)
        self.unwritten = Unwritten(self.ledger)

    def watch(self) -> None:
        """Start the watcher if it isn't running; needs a running event loop."""
        if self.watching is None or self.watching.done():
            self.watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.watcher.run())
            tasks.create_task(self.availability.run())
            tasks.create_task(self.unwritten.run())

    def tag(self, spawn_id: str) -> str:
        """The comment by which a job of this hub is found again; everybody can read it."""
        return f"hpcampus:{self.hub_id}:{spawn_id}"
