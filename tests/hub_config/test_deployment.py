"""`campus.yaml`: who pays on which site, and that the demo can start wherever there is a scheduler for it."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from every_site import ALL_SITES, LESSON, SLURM_SITES
from house import ROOT
from hpcampus_grading.service.settings import Settings as ExchangeSettings
from hpcampus_hub.deployment import Deployment
from hpcampus_hub.settings import Settings
from hpcampus_hub.site_cluster import open_clusters
from hpcampus_hub.up import up
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.software import SiteSoftware, Software

CAMPUS = """
researchers: people
allocations:
  here:
    courses:
      numba: tra24_numba
      mpi: {account: tra24_mpi, qos: training, reservation: monday}
    groups: {people: euhpc_1, staff: euhpc_2}
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    file = tmp_path / "campus.yaml"
    file.write_text(CAMPUS)
    return Deployment.load(file)


def test_a_course_is_paid_by_its_project_whoever_starts_it(deployment: Deployment) -> None:
    found = deployment.allocation("here", course="numba", groups=["people"])
    assert found == Allocation(account="tra24_numba", reason="course numba")


def test_a_qos_and_a_reservation_come_with_the_project(deployment: Deployment) -> None:
    found = deployment.allocation("here", course="mpi", groups=[])
    assert (found.account, found.qos, found.reservation) == ("tra24_mpi", "training", "monday")


def test_a_notebook_of_ones_own_is_paid_by_the_first_group_that_can(deployment: Deployment) -> None:
    found = deployment.allocation("here", course=None, groups=["staff", "people", "others"])
    assert found == Allocation(account="euhpc_1", reason="group people")


LTI = """
researchers: people
lti:
  platforms:
    moodle:
      issuer: https://lms.example
      client_id: campus
      token_url: https://lms.example/token
      key: /etc/hpcampus/moodle.pem
  courses:
    numba: {platform: moodle, line_items: "https://lms.example/42/lineitems?type_id=3", people: same-names}
"""


def test_the_exchange_is_told_where_grades_go(tmp_path: Path) -> None:
    file = tmp_path / "campus.yaml"
    file.write_text(LTI)
    environment = {
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:9",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/exchange/",
        "JUPYTERHUB_SERVICE_NAME": "exchange",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
        "JUPYTERHUB_API_TOKEN": "x",
        "CAMPUS_EXCHANGE_DB": "sqlite://",
        "CAMPUS_EXCHANGE_STORE": "store",
        "CAMPUS_COURSES": "courses",
    }
    lti = Deployment.load(file).lti
    told = ExchangeSettings.from_environment({**environment, "CAMPUS_LTI": lti.model_dump_json()})
    assert told.lti == lti
    assert told.lti.courses["numba"].platform == "moodle"
    assert ExchangeSettings.from_environment(environment).lti.platforms == {}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("platform: moodle", "platform: canvas"),
        ("https://lms.example/token", "http://lms.example/token"),
        ("/etc/hpcampus/moodle.pem", "moodle.pem"),
        ("people: same-names", "people: people.csv"),
        ("client_id: campus", "client: campus"),
    ],
)
def test_a_learning_platform_that_is_described_wrongly_is_refused(
    tmp_path: Path, right: str, wrong: str
) -> None:
    assert right in LTI
    file = tmp_path / "campus.yaml"
    file.write_text(LTI.replace(right, wrong))
    with pytest.raises(BadFile, match="lti"):
        Deployment.load(file)


@pytest.mark.parametrize(("site", "course"), [("here", "other"), ("elsewhere", "numba"), ("here", None)])
def test_nobody_pays_where_nothing_is_arranged(deployment: Deployment, site: str, course: str | None) -> None:
    assert deployment.allocation(site, course=course, groups=["others"]) == Allocation()


@pytest.mark.parametrize("value", ["a b", "--uid=0", "{account: a, colour: red}", "{qos: 'a,b'}", "[a]"])
def test_what_cannot_be_a_project_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "campus.yaml"
    file.write_text(CAMPUS.replace("tra24_numba", value))
    with pytest.raises(BadFile, match=r"allocations\.here\.courses\.numba"):
        Deployment.load(file)


@pytest.mark.parametrize("site_id", SLURM_SITES)
def test_the_demo_has_what_each_site_asks_for(tmp_path: Path, site_id: str) -> None:
    deployment = Settings(state=tmp_path).deployment
    course = deployment.allocation(site_id, course="gpu-numba", groups=[])
    assert match(LESSON, SLURM_SITES[site_id], course)
    group = deployment.allocation(site_id, course=None, groups=[deployment.researchers])
    assert match(Needs(), SLURM_SITES[site_id], group)


SOFTWARE = """
software:
  leonardo:
    modules: [profile/deeplrn, python/3.11]
    python: /leonardo/pub/campus/bin/python
  helios:
    aarch64: {python: /net/campus/aarch64/bin/python}
    x86_64: {image: {path: /net/campus.sif, bind: [/net/scratch]}}
"""


def with_software(folder: Path, text: str) -> Deployment:
    file = folder / "campus.yaml"
    file.write_text(CAMPUS + text)
    return Deployment.load(file)


def test_software_is_the_same_on_a_site_or_by_architecture(tmp_path: Path) -> None:
    software = with_software(tmp_path, SOFTWARE).software
    leonardo, helios = software["leonardo"], software["helios"]
    assert leonardo.on(ALL_SITES["leonardo"].partition("boost_usr_prod")) == leonardo.everywhere
    assert helios.on(ALL_SITES["helios"].partition("plgrid-gpu-gh200")) == helios.aarch64
    assert SiteSoftware().on(None) == Software()


def test_the_example_for_operators_is_a_good_one() -> None:
    text = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    example = next(
        block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "software:" in block
    )
    deployment = Deployment.model_validate({"researchers": "people", **yaml.safe_load(example)})
    assert {"leonardo", "lumi", "helios"} == set(deployment.software)
    for site_id in ("leonardo", "lumi"):
        assert list(deployment.software[site_id].problems(ALL_SITES[site_id])) == []


@pytest.mark.parametrize(
    "wrong", ["{module: [a]}", "{modules: a}", "{modules: [a; b]}", "{python: /a b}", "{arm: {python: /a}}"]
)
def test_software_that_could_not_be_meant_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(BadFile, match=r"software\.leonardo"):
        with_software(tmp_path, f"software: {{leonardo: {wrong}}}")


@pytest.mark.parametrize(
    ("site_id", "said"),
    [
        ("helios", "software.helios: nothing is said for plgrid, whose nodes are of an unknown architecture"),
        ("vega", "software.vega: vega.yaml names no container runtime that is known here"),
    ],
)
def test_a_hub_does_not_start_with_software_that_has_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site_id: str, said: str
) -> None:
    text = SOFTWARE + "  vega: {image: {path: /a.sif}}\n"
    deployment = with_software(tmp_path, text)
    monkeypatch.setattr(Settings, "deployment", deployment)
    with pytest.raises(BadFile, match=re.escape(said)):
        open_clusters(Settings(state=tmp_path, site_ids=(site_id,)))
    cluster = open_clusters(Settings(state=tmp_path, site_ids=("leonardo",)))["leonardo"]
    assert cluster.software == deployment.software["leonardo"]
    cluster.ledger.close()


@pytest.fixture
def signals() -> Iterator[None]:
    """What `campus up` does to signals ends with the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("site_id", sorted(set(ALL_SITES) - set(SLURM_SITES) - {"local"}))
def test_a_campus_does_not_start_where_nothing_could_be_sent(tmp_path: Path, site_id: str) -> None:
    done = CliRunner().invoke(up, ["--site", site_id, "--state", str(tmp_path / "state")])
    assert done.exit_code == 1
    assert f"{ALL_SITES[site_id].name} can't be tried on this machine" in done.output
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("minutes", ["14", "0", "-60", "often"])
def test_a_limit_shorter_than_servers_report_is_refused(tmp_path: Path, minutes: str) -> None:
    file = tmp_path / "campus.yaml"
    file.write_text(f"{CAMPUS}stop_idle_after_minutes: {minutes}\n")
    with pytest.raises(BadFile, match="stop_idle_after_minutes"):
        Deployment.load(file)


def test_unused_notebooks_are_left_alone_unless_the_campus_says_otherwise(deployment: Deployment) -> None:
    assert deployment.stop_idle_after_minutes is None
