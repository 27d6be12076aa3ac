"""`campus sites`, and the page of the documentation that is made with it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from house import ROOT
from hpcampus_hub import sites_command
from hpcampus_hub.settings import SITES
from hpcampus_hub.sites_command import load_sites, markdown, sites

FILES = sorted(path.stem for path in SITES.glob("*.yaml"))


def run(*options: str) -> str:
    done = CliRunner().invoke(sites, options)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_table_has_a_line_for_every_file() -> None:
    header, *lines = run().splitlines()
    assert header.split() == ["site", "factory", "system", "scheduler", "accelerators", "confidence"]
    assert [line.split()[0] for line in lines] == FILES
    (lumi,) = (line for line in lines if line.startswith("lumi"))
    for said in ("LUMI AI Factory", "Slurm", "AMD Instinct MI250X", "high"):
        assert said in lumi


def test_an_announced_site_says_that_nothing_is_published() -> None:
    (litai,) = (line for line in run().splitlines() if line.startswith("litai"))
    assert litai.count("not published") == 3
    assert litai.endswith("none")


def test_json_has_everything_that_the_files_say() -> None:
    said = {site["id"]: site for site in json.loads(run("--json"))}
    assert sorted(said) == FILES
    assert said["lumi"]["account"] == {"required": True, "form": "--account=project_<number>"}
    assert said["daedalus"]["scheduler"]["kind"] is None
    assert said["psnc"]["host"] == "PSNC (PCSS)"
    assert said["psnc"]["city"] == "Poznań"


def test_a_broken_file_is_named_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.yaml").write_text("id: broken\n")
    monkeypatch.setattr(sites_command, "load_sites", lambda: load_sites(tmp_path))
    done = CliRunner().invoke(sites)
    assert done.exit_code == 1
    assert "broken.yaml" in done.output


def test_the_table_of_the_documentation_is_fresh() -> None:
    assert markdown(load_sites()) == run("--markdown")
    assert markdown(load_sites()) in (ROOT / "docs" / "sites.md").read_text(encoding="utf-8")
