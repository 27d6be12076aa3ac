"""`campus site check` and `campus site new` against a real slurmctld: a twin."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from every_site import LESSON, Desk
from hpcampus_hub.live_site import LiveSite, minutes
from hpcampus_hub.settings import SITES
from hpcampus_hub.site_command import site
from hpcampus_hub.site_differences import PRIVATE_DATA
from hpcampus_hub.twin import Twin
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.site import Site
from twins import people, running_twin
from twins import site as catalogue_site

LEARNER = "twin-max"


@pytest.fixture(scope="module")
def leonardo() -> Iterator[Twin]:
    with ExitStack() as stack:
        stack.enter_context(people(LEARNER))
        twin = stack.enter_context(running_twin(catalogue_site("leonardo")))
        twin.add_people([LEARNER], Allocation(account="tra1"))
        yield twin


def campus_site(twin: Twin, *words: str | Path) -> Result:
    return CliRunner(env=twin.environment).invoke(site, [str(word) for word in words])


@pytest.mark.slurm
def test_a_file_is_compared_with_the_cluster(leonardo: Twin, tmp_path: Path) -> None:
    text = (SITES / "leonardo.yaml").read_text()
    file = tmp_path / "leonardo.yaml"
    # A miniature has fewer nodes, and stand-ins for what isn't published: no more than that may differ.
    file.write_text(text)
    untouched = campus_site(leonardo, "check", "leonardo", "--folder", tmp_path)
    assert "boost_usr_prod: nodes is 3456 in the file, and 2 on the cluster." in untouched.output
    assert "lrd_all_viz: cpus is nothing in the file, and 16 on the cluster." in untouched.output
    demo = "campus.yaml: group researchers: the cluster has no account tra24_campus, or doesn't show it."
    assert demo in untouched.output
    wrong = text.replace("max_walltime_minutes: 1440", "max_walltime_minutes: 1000", 1)
    file.write_text(wrong.replace("name: dcgp_usr_prod", "name: gone").replace("30, limit", "31, limit"))
    changed = campus_site(leonardo, "check", "leonardo", "--folder", tmp_path)
    assert changed.exit_code == 1
    found = set(changed.output.splitlines()) - set(untouched.output.splitlines())
    assert found == {
        "boost_usr_prod: max_walltime_minutes is 1000 in the file, and 1440 on the cluster.",
        "gone: the cluster has no partition of that name; remove it.",
        "dcgp_usr_prod: a partition of the cluster that the file doesn't have; add it.",
        "QOS boost_qos_dbg: max_walltime_minutes is 31 in the file, and 30 on the cluster.",
    }


@pytest.mark.slurm
def test_accounts_qos_gpus_and_what_is_hidden_are_asked_for(leonardo: Twin) -> None:
    live = LiveSite.ask(leonardo.environment)
    assert "tra1" in live.accounts
    assert {"boost_qos_dbg", "normal"} <= {qos.name for qos in live.qos}
    assert live.gres["boost_usr_prod"] == {"gpu:a100"}
    assert live.gres["dcgp_usr_prod"] == frozenset()
    assert live.reservations == frozenset()
    assert not live.private_data & set(PRIVATE_DATA)


@pytest.mark.slurm
async def test_a_new_file_says_what_the_cluster_says_and_is_enough_for_lesson_1(
    leonardo: Twin, tmp_path: Path
) -> None:
    words = ["--factory", "Ours", "--system", "Our cluster", "--folder", tmp_path]
    written = campus_site(leonardo, "new", "ours", *words)
    assert written.exit_code == 0, written.output
    same = campus_site(leonardo, "check", "ours", "--folder", tmp_path)
    assert same.output == "ours.yaml says what the cluster says.\n"
    ours = Site.load(tmp_path / "ours.yaml")
    request = match(LESSON, ours, Allocation(account="tra1"))
    assert (request.partition, request.gpus) == ("boost_usr_prod", 1)
    desk = Desk(ours, leonardo, LEARNER)
    job_id = await desk.send(request)
    assert "gres/gpu=1" in desk.running(job_id)["TRES"].split(",")
    await desk.cancel(job_id)
    again = campus_site(leonardo, "new", "ours", *words)
    assert again.exit_code == 1
    assert "is there already" in again.output


def test_where_slurm_is_missing_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(site, ["check", "leonardo"])
    assert done.exit_code == 1
    assert "scontrol isn't on PATH" in done.output


@pytest.mark.parametrize(
    ("site_id", "said"),
    [("hunter", "Hunter runs PBS Pro"), ("hunter", "query_other_jobs"), ("litai", "announced only")],
)
def test_a_site_without_slurm_is_not_compared(site_id: str, said: str) -> None:
    done = CliRunner().invoke(site, ["check", site_id])
    assert done.exit_code == 1
    assert said in done.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1-00:00:00", 1440), ("30:00", 30), ("00:10:00", 10), ("00:00:30", 1), ("UNLIMITED", None), ("", None)],
)
def test_times_are_read_as_slurm_writes_them(text: str, expected: int | None) -> None:
    assert minutes(text) == expected
