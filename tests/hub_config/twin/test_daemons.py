from pathlib import Path

import pytest
from hpcampus_hub.twin import TwinUnavailable
from hpcampus_hub.twin.daemons import Daemons


@pytest.fixture
def daemons(tmp_path: Path) -> Daemons:
    return Daemons(tmp_path, {"CLUSTER": "x"})


def test_a_daemon_that_ends_is_reported_with_the_end_of_its_log(daemons: Daemons) -> None:
    daemons.start("broken", ["sh", "-c", "echo no $CLUSTER today >&2; exit 3"])
    with pytest.raises(TwinUnavailable, match=r"(?s)broken ended \(3\).*no x today"):
        daemons.wait("broken", lambda: False, 10)
    assert not daemons.alive("broken")


def test_a_daemon_that_never_gets_ready_is_reported(daemons: Daemons) -> None:
    daemons.start("slow", ["sleep", "1000"])
    with pytest.raises(TwinUnavailable, match="slow takes too long"):
        daemons.wait("slow", lambda: False, 0.1)
    daemons.stop()


def test_stopping_ends_every_daemon_last_one_first(daemons: Daemons, tmp_path: Path) -> None:
    for name in ("first", "second"):
        script = (
            f"trap 'echo {name} >> {tmp_path}/order; exit' TERM; touch {tmp_path}/{name}; while :; do :; done"
        )
        daemons.start(name, ["sh", "-c", script])
        daemons.wait(name, (tmp_path / name).exists, 10)
    daemons.stop()
    assert (tmp_path / "order").read_text() == "second\nfirst\n"
    assert not daemons.pids
    daemons.stop()
