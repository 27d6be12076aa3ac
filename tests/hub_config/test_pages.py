"""What the pages show of two sites: choices for a course, and the form that remembers."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hpcampus_courses import Catalogue, Course
from hpcampus_hub.deployment import Deployment
from hpcampus_hub.enrolment import Enrolment
from hpcampus_hub.pages import CampusPages
from hpcampus_hub.settings import COURSES
from hpcampus_spawner import availability
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.offers import Offers, PartitionOffer, Reservation, Room
from hpcampus_spawner.options import Options
from hpcampus_spawner.site import Partition, Rule, Site
from small_hub import COURSE, SmallHub
from spawning import until

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
ROOM = Offers({"cpu": PartitionOffer(open=True, total=2, idle=2, rooms=(Room(nodes=2, cpus=8),))})
FULL = Offers({"cpu": PartitionOffer(open=True, total=2)})


@pytest.fixture
def pages(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> CampusPages:
    """The pages of a hub with the sites SMALL and FAR."""
    monkeypatch.setattr(availability, "REFRESH_SECONDS", 0.0)
    deployment = Deployment(
        researchers="researchers",
        allocations={"small": {"groups": {"researchers": "p1"}}},  # type: ignore[dict-item]
    )
    catalogue = Catalogue.load(COURSES)
    return CampusPages(hub.clusters, Enrolment(catalogue, deployment, "http://hub/services/exchange"))


def user(name: str, group: str, *servers: str) -> Any:
    """What our pages use of JupyterHub's user."""
    return SimpleNamespace(
        name=name,
        groups=[SimpleNamespace(name=group)],
        spawners={},
        orm_user=SimpleNamespace(orm_spawners=dict.fromkeys(servers)),
        server_url=lambda server: f"/user/{name}/{server}",
    )


def spawner(owner: Any, server: str = "", asked: Options | None = None, **remembered: Any) -> Any:
    """What our pages use of a spawner."""
    orm = SimpleNamespace(user_options=remembered)
    return SimpleNamespace(user=owner, name=server, asked=asked, orm_spawner=orm)


async def heard_of(cluster: Cluster) -> None:
    async def seen() -> bool:
        return cluster.availability.look() is not None

    await until(seen, "the site has answered")


def course(pages: CampusPages) -> Course:
    found = pages.course_of(COURSE)
    assert found is not None
    return found


async def test_a_course_shows_every_site_and_the_one_that_starts_first(
    hub: SmallHub, pages: CampusPages
) -> None:
    hub.scheduler.offered, hub.far.offered = FULL, ROOM
    hub.scheduler.starts = NOW + HOUR
    for cluster in hub.clusters.values():
        await heard_of(cluster)
    choices = await pages.choices(user("ada", COURSE), course(pages))
    assert [(choice.site, choice.free) for choice in choices] == [("SMALL", False), ("FAR", True)]
    assert "it may move" in choices[0].starts
    suggestion = pages.suggest(choices)
    assert suggestion is not None
    assert suggestion.site_id == "far"


async def test_a_site_that_falls_silent_keeps_its_figures_and_is_not_suggested(
    hub: SmallHub, pages: CampusPages
) -> None:
    hub.scheduler.offered, hub.far.offered = ROOM, FULL
    for cluster in hub.clusters.values():
        await heard_of(cluster)
    hub.scheduler.silent = True
    await hub.cluster.availability.ask()
    choices = await pages.choices(user("ada", COURSE), course(pages))
    assert choices[0].free_now == "2 of 2 nodes idle, 16 CPUs"
    assert "doesn't answer" in choices[0].figures
    assert " ago." in choices[0].figures
    suggestion = pages.suggest(choices)
    assert suggestion is not None
    assert suggestion.site_id == "far"


async def test_a_site_where_it_does_not_fit_says_why_in_the_matchs_own_words(
    hub: SmallHub, pages: CampusPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Partition(name="cpu", cpus=1, memory_gib=1, gpus=0)
    monkeypatch.setattr(hub.cluster, "site", hub.cluster.site.model_copy(update={"partitions": (small,)}))
    choices = await pages.choices(user("ada", COURSE), course(pages))
    assert "What would work: 1 CPUs" in choices[0].refusal
    assert choices[1].fits
    form = await pages.resource_form(spawner(user("rosa", "researchers"), cpus=4))
    assert "does not fit" in form


async def test_the_form_shows_what_this_person_may_ask_for(
    hub: SmallHub, pages: CampusPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions = (
        Partition(name="gpu", cpus=32, memory_gib=64, gpus=4, gpu_type="a100", max_walltime_minutes=600),
        Partition(name="pictures", cpus=500, not_for_notebooks="it is for pictures"),
    )
    site = hub.cluster.site.model_copy(update={"partitions": partitions})
    monkeypatch.setattr(hub.cluster, "site", site)
    far: Site = hub.clusters["far"].site.model_copy(update={"account": Rule(required=True)})
    monkeypatch.setattr(hub.clusters["far"], "site", far)
    form = await pages.resource_form(spawner(user("rosa", "researchers")))
    assert "pictures" not in form
    assert "32 CPUs, 64 GiB, 4 GPUs a100, at most 10 h" in form
    # What FAR has counts for nothing: nobody pays for Rosa there.
    assert "FAR: there is nothing that you may use here yet." in form
    assert 'name="cpus" type="number" min="1" max="32"' in form
    assert 'name="hours" type="number" min="1" max="10"' in form
    assert '<option value="a100" >' in form


async def test_reservations_now_can_be_chosen_and_those_to_come_are_said(
    hub: SmallHub, pages: CampusPages
) -> None:
    def kept(name: str, starts: timedelta, **limits: Any) -> Reservation:
        return Reservation(name, NOW + starts, NOW + starts + 2 * HOUR, **limits)

    hub.scheduler.offered = Offers(
        reservations=(
            kept("mine", -HOUR, users=("rosa",)),
            kept("projects", -HOUR, accounts=("p1",)),
            kept("others", -HOUR, users=("ben",)),
            kept("later", HOUR, users=("rosa",)),
            kept("repair", HOUR, nodes=2, flags=frozenset({"MAINT"})),
        )
    )
    await heard_of(hub.cluster)
    form = await pages.resource_form(spawner(user("rosa", "researchers")))
    for name in ("mine", "projects"):
        assert f'<option value="{name}"' in form
    for name in ("others", "later", "repair"):
        assert f'<option value="{name}"' not in form
    assert "Reservation later: from" in form
    assert "Maintenance of 2 nodes: from" in form
    assert "others" not in form


async def test_each_server_remembers_its_own_options(pages: CampusPages) -> None:
    rosa = user("rosa", "researchers")
    first = await pages.resource_form(spawner(rosa, "first", cpus="3", site="far"))
    assert 'value="3"' in first
    assert 'value="far"\n' in first
    second = await pages.resource_form(spawner(rosa, "second", cpus="5", hours=7))
    assert 'value="5"' in second
    refused = await pages.resource_form(spawner(rosa, "first", Options(cpus=99), cpus="3"))
    assert 'value="99"' in refused
    wrong_by_now = await pages.resource_form(spawner(rosa, "first", cpus="many"))
    assert 'id="cpus" name="cpus" type="number" min="1" max="8" value="2"' in wrong_by_now


async def test_a_learner_and_a_courses_server_get_no_form(pages: CampusPages) -> None:
    assert await pages.resource_form(spawner(user("ada", COURSE))) == ""
    assert await pages.resource_form(spawner(user("rosa", "researchers"), COURSE)) == ""


def test_the_list_of_ones_own_servers_leaves_out_those_of_courses(pages: CampusPages) -> None:
    servers = pages.own_servers(user("rosa", "researchers", COURSE, "work", "a-trial"))
    assert [server.name for server in servers] == ["", "a-trial", "work"]
    assert not any(server.active for server in servers)


def test_the_page_says_when_the_class_meets(pages: CampusPages) -> None:
    def meeting(starts: timedelta) -> str:
        session = {"reservation": "r", "starts": NOW + starts, "ends": NOW + starts + 2 * HOUR}
        facts = course(pages).model_dump() | {"sessions": [session]}
        return pages.meets(Course.model_validate(facts))

    assert meeting(-HOUR).startswith("Your class meets now, until")
    assert meeting(HOUR).startswith("Your class meets from")
    assert meeting(-5 * HOUR) == ""
