"""One hub, several sites: where a server goes, and that it stays there."""

import pytest
from hpcampus_spawner.failure import SpawnFailed
from hpcampus_spawner.reconcile import settle
from hpcampus_spawner.spawner import BatchSpawner
from small_hub import COURSE, SmallHub, starting
from spawning import running, until

PORT = {"port": 40000}


async def submitted(spawner: BatchSpawner) -> None:
    async def has_job() -> bool:
        return bool(spawner.job_id)

    await until(has_job, "the job is known")


async def start_far(hub: SmallHub) -> BatchSpawner:
    """A server that runs at the second site."""
    spawner = hub.spawner(course=COURSE, site="far")
    async with starting(spawner) as start:
        await submitted(spawner)
        hub.far.known[spawner.job_id] = running(spawner.job_id)
        assert (await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], PORT)).code == 200
        await start
    return spawner


async def test_who_names_no_site_gets_the_first(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await submitted(spawner)
        assert spawner.whereabouts()["queue"]["site"] == "SMALL"
    assert (len(hub.scheduler.submitted), len(hub.far.submitted)) == (1, 0)


async def test_a_site_that_is_named_is_where_the_job_goes(hub: SmallHub) -> None:
    spawner = await start_far(hub)
    assert (len(hub.scheduler.submitted), len(hub.far.submitted)) == (0, 1)
    assert hub.far.submitted[0].spawn_id == spawner.spawn_id
    row = hub.ledger.live("ada", COURSE)
    assert row is not None
    assert (row.site, row.options["site"]) == ("far", "far")


async def test_where_the_first_site_has_too_little_the_next_is_taken(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bigger = hub.clusters["far"].site
    wide = bigger.partitions[0].model_copy(update={"cpus": 64, "memory_gib": 256})
    monkeypatch.setattr(hub.clusters["far"], "site", bigger.model_copy(update={"partitions": (wide,)}))
    spawner = hub.spawner("rosa", "", cpus=32)
    async with starting(spawner):
        await submitted(spawner)
    assert len(hub.far.submitted) == 1


async def test_what_fits_nowhere_is_refused_with_the_first_sites_reason(hub: SmallHub) -> None:
    with pytest.raises(SpawnFailed, match="Nothing on SMALL fits"):
        hub.spawner("rosa", "", cpus=1000)


async def test_a_site_that_this_hub_has_not_is_refused(hub: SmallHub) -> None:
    with pytest.raises(SpawnFailed, match="There are: small, far"):
        hub.spawner(course=COURSE, site="lumi")


async def test_a_restarted_hub_finds_the_job_at_its_site(hub: SmallHub) -> None:
    before = await start_far(hub)
    await hub.restart()
    after = hub.spawner()  # Without a word of the site: the job says where it is.
    async with starting(after) as start:
        assert await start == "http://127.0.0.1:40000"
    assert after.spawn_id == before.spawn_id
    assert hub.scheduler.submitted == []


async def test_a_server_at_a_site_that_was_taken_from_the_hub_is_not_started_twice(hub: SmallHub) -> None:
    await start_far(hub)
    await hub.restart()
    del hub.clusters["far"]
    with pytest.raises(SpawnFailed, match="may still be at far"):
        await hub.spawner().start()
    assert hub.ledger.live("ada", COURSE) is not None


async def test_each_site_settles_its_own_jobs(hub: SmallHub) -> None:
    spawner = await start_far(hub)
    hub.ledger.end(spawner.spawn_id, "stopped")
    await hub.cluster.watcher.ask()
    await settle(hub.cluster)
    assert hub.scheduler.cancelled == []
    await settle(hub.clusters["far"])
    assert hub.far.cancelled == [("ada", spawner.job_id)]
