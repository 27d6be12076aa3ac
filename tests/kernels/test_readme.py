"""What the README of the package shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

from hpcampus_kernels import PROBLEMS

README = (Path(__file__).parents[2] / "kernels/README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says(tmp_path: Path) -> None:
    code, shown = (re.search(rf"```{kind}\n(.*?)```", README, re.DOTALL) for kind in ("python", "text"))
    assert code
    assert shown
    script = tmp_path / "example.py"
    script.write_text(code[1], encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert " ".join(shown[1].split()) in " ".join(done.stdout.split())


def test_every_problem_is_listed() -> None:
    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == list(PROBLEMS)
