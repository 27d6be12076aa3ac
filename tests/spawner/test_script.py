"""The job as text: valid shell, every value quoted, nothing secret in it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hpcampus_hub.settings import SITES
from hpcampus_spawner.script import job_script
from hpcampus_spawner.site import Site
from spawning import SECRET, a_site

SPAWN_ID = "0123456789abcdef" * 2


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_the_script_of_every_site_is_valid_shell(path: Path) -> None:
    script = job_script(Site.load(path), SPAWN_ID)
    assert script.startswith("#!/bin/bash -l\n")
    assert script.endswith("\n")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_it_hands_over_to_the_wrapper_with_the_spawns_id_and_nothing_else() -> None:
    last = job_script(a_site(), SPAWN_ID, python="/opt/python").splitlines()[-1]
    assert last == f"exec /opt/python -I -m hpcampus_spawner.node {SPAWN_ID}"
    assert SECRET not in last


@pytest.mark.parametrize(
    "name", ["a b", "it's", "$(touch owned)", "`touch owned`", '"; touch owned; "', "{{ 7*7 }}"]
)
def test_a_path_stays_one_word_whatever_is_in_it(tmp_path: Path, name: str) -> None:
    python = tmp_path / name / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o700)
    script = job_script(a_site(), "$(touch owned)", python=str(python))
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, cwd=tmp_path, check=True)
    assert done.stdout == "-I|-m|hpcampus_spawner.node|$(touch owned)|"
    assert not (tmp_path / "owned").exists()


def test_the_sites_own_lines_run_first_and_in_order() -> None:
    site = a_site().model_copy(update={"setup": ("module load python", 'export A="{{ b }}"')})
    lines = job_script(site, SPAWN_ID).splitlines()
    assert lines[2:4] == ["module load python", 'export A="{{ b }}"']
    assert lines[4].startswith(f"exec {sys.executable} ")
