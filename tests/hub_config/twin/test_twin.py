"""What Slurm accepts, hands out and refuses on a twin is what it would on the site."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from campus_under_test import private_folder
from hpcampus_hub.twin import Twin, TwinUnavailable, processes
from hpcampus_hub.twin.waiting import wait_for
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.site import Site
from twins import as_user, people, running_twin, site

pytestmark = pytest.mark.slurm

# Cleo is on the plain twins only, so that what runs as her runs there.
ADA, BEN, CLEO = "twin-ada", "twin-ben", "twin-cleo"
BOOSTER = ["--account=tra26_gpu", "--partition=boost_usr_prod"]
SECONDS = 20


def sbatch(
    twin: Twin, user: str, *options: str, script: str = "sleep 1000"
) -> subprocess.CompletedProcess[str]:
    argv = ["sbatch", "--parsable", "--export=NONE", "--output=job.out", *options, f"--wrap={script}"]
    return as_user(user, *argv, **twin.environment)


def job(twin: Twin, number: str) -> dict[str, str]:
    """What slurmctld says about a job."""
    shown = as_user("root", "scontrol", "--oneliner", "show", "job", number, **twin.environment).stdout
    return dict(word.split("=", 1) for word in shown.split() if "=" in word)


def wait_for_state(twin: Twin, number: str, *states: str) -> dict[str, str]:
    assert wait_for(lambda: job(twin, number)["JobState"] in states, SECONDS), job(twin, number)
    return job(twin, number)


def cancel(twin: Twin, number: str) -> None:
    as_user(ADA, "scancel", number, **twin.environment)


@pytest.mark.parametrize("gres", ["gpu:1", "gpu:a100:1"])
def test_a_job_lands_on_the_partition_it_asks_for_with_what_it_asks_for(leonardo: Twin, gres: str) -> None:
    sent = sbatch(leonardo, ADA, *BOOSTER, f"--gres={gres}", "--cpus-per-task=2", "--mem=4G", "--time=60")
    assert sent.returncode == 0, sent.stderr
    running = wait_for_state(leonardo, sent.stdout.strip(), "RUNNING")
    assert running["Partition"] == "boost_usr_prod"
    assert running["Account"] == "tra26_gpu"
    assert running["NodeList"] in {"n1", "n2"}
    assert running["TimeLimit"] == "01:00:00"
    assert running["TRES"].startswith("cpu=2,mem=4G,node=1,")
    assert "gres/gpu=1" in running["TRES"].split(",")
    cancel(leonardo, sent.stdout.strip())


def test_a_job_runs_as_the_person_who_sent_it_and_knows_that_its_gpu_cannot_compute(leonardo: Twin) -> None:
    script = "id -un; echo $NUMBA_ENABLE_CUDASIM $CUDA_VISIBLE_DEVICES; echo $HPCAMPUS_TWIN"
    sent = sbatch(leonardo, ADA, *BOOSTER, "--gres=gpu:1", "--time=1", script=script)
    wait_for_state(leonardo, sent.stdout.strip(), "COMPLETED")
    output = Path(pwd.getpwnam(ADA).pw_dir, "job.out").read_text()
    assert re.fullmatch(rf"{ADA}\n1 [0-3]\n{leonardo.folder}\n", output)


def test_a_job_that_names_no_memory_gets_the_share_of_its_cpus(leonardo: Twin) -> None:
    sent = sbatch(leonardo, ADA, *BOOSTER, "--cpus-per-task=8", "--time=1")
    running = wait_for_state(leonardo, sent.stdout.strip(), "RUNNING")
    assert "mem=123496M" in running["TRES"].split(",")
    cancel(leonardo, sent.stdout.strip())


NO_ACCOUNT = "Invalid account or account/partition combination specified"
TOO_LONG = "Requested time limit is invalid (missing or exceeds some limit)"
TOO_BIG = "Requested node configuration is not available"
NO_QOS = "Invalid qos specification"
QOS_LIMIT = "QOSMaxWallDurationPerJobLimit"


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        (["--partition=boost_usr_prod", "--time=10"], NO_ACCOUNT),
        (["--account=euhpc_b", "--partition=boost_usr_prod", "--time=10"], NO_ACCOUNT),
        (["--account=no-account", "--partition=boost_usr_prod", "--time=10"], NO_ACCOUNT),
        ([*BOOSTER, "--gres=gpu:99", "--time=10"], TOO_BIG),
        ([*BOOSTER, "--gres=gpu:h100:1", "--time=10"], TOO_BIG),
        ([*BOOSTER, "--cpus-per-task=33", "--time=10"], TOO_BIG),
        ([*BOOSTER, "--time=1441"], TOO_LONG),
        ([*BOOSTER, "--qos=boost_qos_dbg", "--time=31"], QOS_LIMIT),
        ([*BOOSTER, "--qos=boost_qos_lprod", "--time=5761"], QOS_LIMIT),
        ([*BOOSTER, "--qos=nonesuch", "--time=10"], NO_QOS),
        (["--account=tra26_gpu", "--partition=dcgp_usr_prod", "--gres=gpu:1", "--time=10"], TOO_BIG),
        (["--account=tra26_gpu", "--partition=nonesuch", "--time=10"], "invalid partition specified"),
    ],
)
def test_what_the_site_refuses_the_twin_refuses(leonardo: Twin, options: list[str], refusal: str) -> None:
    sent = sbatch(leonardo, ADA, *options)
    assert sent.returncode == 1
    assert refusal in sent.stderr


def test_root_needs_an_account_as_everybody_does(leonardo: Twin) -> None:
    sent = sbatch(leonardo, "root", "--partition=boost_usr_prod", "--time=10", "--output=/dev/null")
    assert NO_ACCOUNT in sent.stderr


def test_a_qos_can_allow_more_time_than_its_partition(leonardo: Twin) -> None:
    sent = sbatch(leonardo, ADA, *BOOSTER, "--qos=boost_qos_lprod", "--time=5760")
    assert wait_for_state(leonardo, sent.stdout.strip(), "RUNNING")["QOS"] == "boost_qos_lprod"
    cancel(leonardo, sent.stdout.strip())


def test_people_can_be_added_twice_and_to_a_second_account(leonardo: Twin) -> None:
    for _ in range(2):
        leonardo.add_people([ADA, BEN], Allocation(account="tra26_second"))
    sent = sbatch(
        leonardo, BEN, "--account=tra26_second", "--partition=boost_usr_prod", "--time=1", script="true"
    )
    assert sent.returncode == 0, sent.stderr
    assert NO_ACCOUNT in sbatch(leonardo, BEN, "--partition=boost_usr_prod", "--time=1").stderr


@pytest.mark.parametrize(
    "secret",
    ["munge/key", "slurmdbd.conf", "state", "logs", "database", "accounting", "database/mariadb.sock"],
)
def test_secrets_are_closed_to_people(leonardo: Twin, secret: str) -> None:
    assert (leonardo.folder / secret).exists()
    path = leonardo.folder / secret
    assert as_user(ADA, "test", "-r", path).returncode == 1
    assert as_user(ADA, "test", "-w", path).returncode == 1


def test_people_change_nothing_in_the_twins_folder(leonardo: Twin) -> None:
    # In the spool, Slurm gives them the script of their own job; the devices are /dev/null by other names.
    slurms_own = ["-path", f"{leonardo.folder}/spool/*", "-prune", "-o", "-type", "c", "-prune"]
    writable = as_user(ADA, "find", leonardo.folder, *slurms_own, "-o", "-writable", "-print").stdout
    assert writable.split() == [str(leonardo.folder / "munge" / "munge.socket")]


def test_only_slurm_listens_on_ports(leonardo: Twin) -> None:
    listening = {
        f"socket:[{fields[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A"
    }
    for name, pid in leonardo.pids.items():
        sockets = {str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()}
        assert bool(sockets & listening) == name.startswith("slurm"), name


def test_a_second_twin_in_the_same_folder_is_refused_and_the_first_stays(leonardo: Twin) -> None:
    with pytest.raises(TwinUnavailable, match="Another twin is running"):
        Twin(site("leonardo"), leonardo.folder).start()
    leonardo.wait_ready(SECONDS)


def test_a_site_without_slurm_has_no_twin(tmp_path: Path) -> None:
    with pytest.raises(TwinUnavailable, match="doesn't run Slurm"):
        Twin(site("local"), tmp_path)


@pytest.fixture(scope="module")
def plain_site() -> Site:
    """A made-up site that asks for neither account nor QOS, and publishes little."""
    return Site.model_validate(
        {
            "id": "made-up",
            "factory": "none",
            "system": "Made up",
            "scheduler": {"kind": "slurm"},
            "partitions": [
                {"name": "shared", "default": True},
                {"name": "whole", "cpus": 64, "memory_gib": 480, "gpus": 4, "exclusive": True},
            ],
            "gpu_request": "gres",
            "confidence": "none",
        }
    )


def test_a_site_without_account_rules_takes_everybodys_jobs_and_gives_whole_nodes(plain_site: Site) -> None:
    with people(CLEO), running_twin(plain_site) as twin:
        sent = sbatch(twin, CLEO, "--partition=whole", "--gres=gpu:1", "--time=10")
        assert sent.returncode == 0, sent.stderr
        running = wait_for_state(twin, sent.stdout.strip(), "RUNNING")
        assert "cpu=64" in running["TRES"].split(",")
        assert "gres/gpu=4" in running["TRES"].split(",")
        default = sbatch(twin, CLEO, "--time=10")
        assert wait_for_state(twin, default.stdout.strip(), "RUNNING")["Partition"] == "shared"
        assert TOO_BIG in sbatch(twin, CLEO, "--gres=gpu:1").stderr


@pytest.fixture
def folder() -> Iterator[Path]:
    place = private_folder()
    try:
        yield place / "twin"
    finally:
        shutil.rmtree(place)


STUBBORN = (
    "trap '' TERM; (setsid sleep 1000 &); env --ignore-environment setsid sleep 1000 & sleep 1000; sleep 1000"
)


@pytest.mark.parametrize("killed", [[], ["munged"], ["slurmctld", "slurmd-n1"]])
def test_stopping_leaves_nothing_running(plain_site: Site, folder: Path, killed: list[str]) -> None:
    with people(CLEO):
        with Twin(plain_site, folder) as twin:
            sent = sbatch(twin, CLEO, "--partition=shared", "--time=10", script=STUBBORN)
            wait_for_state(twin, sent.stdout.strip(), "RUNNING")
            assert wait_for(lambda: len(running_as(CLEO)) == 4, SECONDS)
            everything = twin.processes()
            for name in killed:
                os.kill(twin.pids[name], signal.SIGKILL)
        assert twin.processes() == []
        assert running_as(CLEO) == []
        assert not set(everything) & set(processes.everything())
        twin.stop()


def running_as(user: str) -> list[processes.Process]:
    return processes.of_user(pwd.getpwnam(user).pw_uid)
