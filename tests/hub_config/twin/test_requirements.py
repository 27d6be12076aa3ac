import os

import pytest
from hpcampus_hub.twin import TwinUnavailable, requirements


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "PROGRAMS", {"sh": "dash", "slurm-x": "slurm", "slurm-y": "slurm"})
    with pytest.raises(TwinUnavailable) as refused:
        requirements.check()
    assert "slurm-x, slurm-y, not found" in str(refused.value)
    assert str(refused.value).endswith("apt-get install --no-install-recommends slurm")


def test_without_root_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "PROGRAMS", {})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(TwinUnavailable, match="start it as root"):
        requirements.check()
