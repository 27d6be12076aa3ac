"""What a cluster offers: read from Slurm's words, and asked which job could start now."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hpcampus_spawner.offers import Offers, PartitionOffer, Reservation, Room
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.slurm_offers import parse_offers

RECORDED = Path(__file__).with_name("recorded")
SINFO = (RECORDED / "sinfo.txt").read_text()
RESERVATIONS = (RECORDED / "reservations.txt").read_text()
NOW = datetime.fromisoformat("2026-11-22T04:00:00").astimezone()


@pytest.fixture
def offers() -> Offers:
    """What a real Slurm 22.05 answered."""
    return parse_offers(SINFO, RESERVATIONS)


def a_request(partition: str = "gpu", **changes: object) -> JobRequest:
    fields = {"cpus": 2, "memory_mib": 4096, "walltime_minutes": 60, "partition": partition}
    return JobRequest.model_validate(fields | changes)


def one(line: str) -> PartitionOffer:
    """The partition of a line of sinfo."""
    (offer,) = parse_offers(line, "").partitions.values()
    return offer


def test_nodes_are_counted_by_what_can_be_done_with_them(offers: Offers) -> None:
    boost = offers.partitions["boost_usr_prod"]
    # The node of the reservation is for those who are in it.
    assert (boost.total, boost.idle, boost.mixed, boost.down) == (2, 0, 1, 0)
    assert (boost.free_cpus, boost.free_gpus) == (8, {"gpu:a100": 1})
    drained = offers.partitions["dcgp_usr_prod"]
    assert (drained.total, drained.down, drained.free_cpus) == (1, 1, 0)
    assert offers.partitions["lumid"].free_gpus == {"gpu": 16}


def test_a_partition_that_is_closed_takes_no_job(offers: Offers) -> None:
    assert not offers.partitions["lrd_all_viz"].open
    assert offers.takes(a_request("lrd_all_viz")) == 0
    assert offers.takes(a_request("lrd_all_serial")) == 1


@pytest.mark.parametrize(
    ("changes", "nodes"),
    [
        ({}, 1),
        ({"gpus": 1, "cpus": 8}, 1),
        ({"gpus": 1, "gpu_type": "a100"}, 1),
        ({"gpus": 1, "gpu_type": "h100"}, 0),
        ({"gpus": 2}, 0),
        ({"cpus": 9}, 0),
        ({"memory_mib": 200_000}, 0),
        ({"exclusive": True}, 0),
        ({"gpus": 4, "cpus": 32, "reservation": "weekly", "exclusive": True}, 1),
    ],
)
def test_a_job_starts_where_one_node_has_all_it_wants(
    offers: Offers, changes: dict[str, object], nodes: int
) -> None:
    assert offers.takes(a_request("boost_usr_prod", **changes)) == nodes


def test_several_types_slices_and_shares_in_one_partition() -> None:
    has = "gpu:a100:4(S:0-1),gpu:1g.10gb:7(S:1),shard:a100:16(S:0-1)"
    used = "gpu:a100:3(IDX:0-1,3),gpu:1g.10gb:0(IDX:N/A),shard:a100:4(4/4,0/4)"
    offer = one(f"gpu|up|mixed|3|12/84/0/96|500000|1000|{has}|{used}|")
    assert offer.free_gpus == {"gpu:a100": 3, "gpu:1g.10gb": 21, "shard:a100": 36}
    partition = Offers({"gpu": offer})
    assert partition.takes(a_request(gpus=1, gpu_type="a100"))
    assert not partition.takes(a_request(gpus=2, gpu_type="a100"))
    assert partition.takes(a_request(gpus=7, gpu_type="1g.10gb"))
    assert partition.takes(a_request(gpus=12, gpu_request="shard"))
    assert not partition.takes(a_request(gpus=13, gpu_request="shard"))


@pytest.mark.parametrize("used", ["gpu:(null):1(IDX:0)", "gpu:1", "gpu:1(IDX:3)"])
def test_gpus_without_a_type(used: str) -> None:
    assert one(f"g|up|mixed|1|1/7/0/8|1000|0|gpu:4|{used}|").free_gpus == {"gpu": 3}


@pytest.mark.parametrize("state", ["allocated", "down*", "mixed+drain"])
def test_the_kinds_of_gpus_are_known_though_none_is_free(state: str) -> None:
    offer = one(f"g|up|{state}|2|8/0/0/8|1000|1000|gpu:a100:4|gpu:a100:4(IDX:0-3)|")
    assert offer.free_gpus == {"gpu:a100": 0}
    assert Offers({"g": offer}).takes(a_request("g", memory_mib=None)) == 0


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("idle", (1, 0, 0)),
        ("mixed", (0, 1, 0)),
        ("idle+cloud+powered_down", (1, 0, 0)),
        ("mixed+planned", (0, 0, 0)),
        ("allocated", (0, 0, 0)),
        ("mixed+completing", (0, 0, 0)),
        ("down*", (0, 0, 1)),
        ("idle*", (0, 0, 1)),
        ("down+not_responding", (0, 0, 1)),
        ("mixed+drain", (0, 0, 1)),
        ("idle+maint+reserved", (0, 0, 1)),
        ("dreaming", (0, 0, 0)),
        ("idle+dreaming", (1, 0, 0)),
    ],
)
def test_words_for_states_known_and_unknown(state: str, counts: tuple[int, int, int]) -> None:
    offer = one(f"p|up|{state}|1|0/4/0/4|1000|0|(null)|gpu:0|some|more")
    assert (offer.idle, offer.mixed, offer.down) == counts
    assert offer.total == 1


@pytest.mark.parametrize(
    "line", ["slurm_load_node error", "p|up|idle|one|0/4/0/4|1|0|x|y|", "p|up|idle|1|4|1|0||"]
)
def test_an_answer_that_makes_no_sense_is_no_answer(line: str) -> None:
    with pytest.raises(SchedulerError, match="can't be read"):
        parse_offers(line, "")


def test_strange_figures_of_gpus_and_reservations_are_left_out() -> None:
    assert one("p|up|idle|1|0/4/0/4|1000+|0|lscratch:30G,gpu:many,gpu:2:3:4|???|").free_gpus == {}
    odd = "ReservationName=odd StartTime=soon EndTime=N/A NodeCnt=some Flags=NEW_FLAG what=ever Users=\n"
    (reservation,) = parse_offers("", f"No reservations in the system\n\n{odd}").reservations
    assert reservation == Reservation("odd", None, None, flags=frozenset({"NEW_FLAG"}))


def test_reservations_with_their_times_and_people(offers: Offers) -> None:
    lesson, weekly, care = offers.reservations
    assert (lesson.partition, lesson.users, lesson.accounts) == ("boost_usr_prod", ("twin-zoe",), ())
    assert (lesson.active(NOW), weekly.active(NOW)) == (False, True)
    assert weekly.over(NOW + timedelta(hours=1))
    assert (lesson.maintenance, care.maintenance, care.nodes) == (False, True, 5)


@pytest.mark.parametrize(
    ("limits", "admitted"),
    [
        ({}, True),
        ({"users": ("ada",)}, True),
        ({"users": ("ben",)}, False),
        ({"users": ("-ada",)}, False),
        ({"users": ("-ben",)}, True),
        ({"accounts": ("p1", "p2")}, True),
        ({"accounts": ("p2",)}, False),
        ({"users": ("ada",), "accounts": ("p2",)}, False),
        ({"groups": ("chemists",)}, True),
        ({"users": ("ben",), "groups": ("chemists",)}, False),
        ({"flags": frozenset({"MAINT"})}, False),
    ],
)
def test_whom_a_reservation_lets_in(limits: dict[str, tuple[str, ...]], admitted: bool) -> None:
    assert Reservation("r", None, None, **limits).admits("ada", "p1") is admitted  # type: ignore[arg-type]


def test_a_maintenance_concerns_jobs_that_would_reach_into_it(offers: Offers) -> None:
    care = offers.reservations[2]
    assert offers.maintenance("boost_usr_prod", NOW + timedelta(hours=2), NOW) is care
    assert offers.maintenance("boost_usr_prod", NOW + timedelta(hours=1), NOW) is None
    later = NOW + timedelta(hours=9)
    assert offers.maintenance("boost_usr_prod", later + timedelta(hours=1), later) is None


def test_room_that_is_not_counted_refuses_nothing() -> None:
    offers = Offers({"gpu": PartitionOffer(open=True, rooms=(Room(nodes=1, cpus=2),))})
    assert offers.takes(a_request())
    assert not offers.takes(a_request("elsewhere"))
