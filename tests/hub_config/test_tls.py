"""What operators say of TLS in `campus.yaml`, and certificates that are made anew in time."""

from pathlib import Path

import pytest
from certipy import Certipy
from hpcampus_hub.deployment import Deployment
from hpcampus_hub.readiness import certificates
from hpcampus_hub.settings import Settings
from hpcampus_hub.tls import drop_stale, hub_certificate
from hpcampus_spawner.models import BadFile

NAMES = ["IP:10.0.0.5", "DNS:campus.example"]
SSH = "{{host: login1, user: campus, key: /k, known_hosts: /h, hub_url: '{}'}}"


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "campus.yaml"
    file.write_text(f"researchers: people\n{text}\n")
    return Settings(state=tmp_path, campus=file)


def test_all_is_plain_and_on_this_machine_unless_somebody_asks(tmp_path: Path) -> None:
    plain = settings(tmp_path, "")
    assert (plain.url, plain.believed) == ("http://127.0.0.1:8000", None)
    assert plain.deployment.certified_names() == []


def test_one_setting_turns_it_on(tmp_path: Path) -> None:
    safe = settings(tmp_path, "tls: {address: 10.0.0.5, names: [campus.example]}")
    assert safe.url == "https://10.0.0.5:8000"
    assert safe.believed == tmp_path / "internal-ssl" / "hub-ca" / "hub-ca.crt"
    assert safe.deployment.certified_names() == NAMES
    assert settings(tmp_path, "tls: {}").url == "https://127.0.0.1:8000"


def test_jobs_behind_a_login_node_ask_for_the_hub_by_another_name(tmp_path: Path) -> None:
    reach = f"reach: {{leonardo: {{ssh: {SSH.format('https://login1:8123')}}}}}"
    names = settings(tmp_path, f"tls: {{address: 10.0.0.5}}\n{reach}").deployment.certified_names()
    assert names == ["IP:10.0.0.5", "DNS:login1"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("tls: {addres: hub1}", "tls.addres"),
        ("tls: {address: 'hub 1'}", "tls.address"),
        ("tls: {names: ['*']}", "tls.names"),
        ("tls: true", "tls"),
        (
            f"tls: {{}}\nreach: {{leonardo: {{ssh: {SSH.format('http://login1:8123')}}}}}",
            "of leonardo",
        ),
    ],
)
def test_what_would_leave_a_gap_is_an_error(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(BadFile, match=wrong):
        Deployment.load(settings(tmp_path, text).campus)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Certificates of a hub, as JupyterHub makes them."""
    return tmp_path / "internal-ssl"


def made(folder: Path, *, years: float = 5) -> Certipy:
    certipy = Certipy(store_dir=str(folder))
    certipy.create_ca("hub-ca")
    certipy.create_signed_pair("hub-internal", "hub-ca", alt_names=NAMES, years=years)
    return certipy


def known(folder: Path) -> set[str]:
    """What JupyterHub would find there, and not make again."""
    return set(Certipy(store_dir=str(folder)).store.store)


def test_a_certificate_that_will_do_is_kept(folder: Path) -> None:
    drop_stale(folder, NAMES)
    assert not folder.exists()
    made(folder)
    drop_stale(folder, NAMES[:1])
    assert known(folder) == {"hub-ca", "hub-internal"}
    assert all(file.exists() for file in hub_certificate(folder))


def test_a_certificate_that_lacks_a_name_is_made_anew(folder: Path) -> None:
    made(folder)
    drop_stale(folder, [*NAMES, "DNS:new.example"])
    assert known(folder) == {"hub-ca"}
    assert not any(file.exists() for file in hub_certificate(folder))


def test_a_certificate_that_ends_within_a_year_is_made_anew(folder: Path) -> None:
    made(folder, years=0.9)
    drop_stale(folder, NAMES)
    assert known(folder) == {"hub-ca"}


async def test_an_authority_that_ends_soon_is_said_in_time(folder: Path) -> None:
    check = certificates(folder)
    assert await check() is None
    certipy = made(folder)
    assert await check() is None
    certipy.create_ca("notebooks-ca", years=0.07)
    assert "notebooks-ca (" in (await check() or "")
