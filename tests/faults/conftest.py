"""Two campuses for all faults: a small local queue and a twin. What must hold is checked after each test."""

from collections.abc import Iterator

import invariants
import pytest
from campus_under_test import CampusUnderTest, local_campus
from struck import Struck
from twins import campus_and_twin

SHORT_MEMORY = "--Spawner.args=--HubOAuth.cache_max_age=1"
"""Servers believe for one second what the hub said of somebody, not for 5 minutes: so nobody need wait."""

RULES = (
    # Jobs of a partition with a higher tier take the place of others.
    "PreemptType=preempt/partition_prio",
    "PreemptMode=CANCEL",
    "PartitionName=urgent Nodes=n1,n2 PriorityTier=10 MaxTime=60",
    # Without cgroups, slurmd itself looks at the memory of jobs, once a second.
    "JobAcctGatherType=jobacct_gather/linux",
    "JobAcctGatherFrequency=task=1",
    "JobAcctGatherParams=OverMemoryKill",
)
"""What slurm.conf has more than LEONARDO's twin."""


@pytest.fixture(scope="package")
def small_campus() -> Iterator[CampusUnderTest]:
    """One course server fits at a time, so that the next one has to wait."""
    with local_campus(cpus=2, arguments=[SHORT_MEMORY]) as campus:
        yield campus


@pytest.fixture
def campus(small_campus: CampusUnderTest) -> Iterator[CampusUnderTest]:
    """The small campus, on which nobody has a server yet."""
    yield from _tidied(small_campus)


@pytest.fixture(scope="package")
def campus_on_twin() -> Iterator[Struck]:
    """One cluster for all of Slurm's faults."""
    with campus_and_twin(*RULES) as (campus, twin):
        yield Struck(campus, twin)


@pytest.fixture
def struck(campus_on_twin: Struck) -> Iterator[Struck]:
    """The campus on a twin, on which nobody has a server yet."""
    for _ in _tidied(campus_on_twin.campus):
        yield campus_on_twin


def _tidied(campus: CampusUnderTest) -> Iterator[CampusUnderTest]:
    yield campus
    try:
        invariants.hold(campus)
    finally:
        campus.stop_servers()
