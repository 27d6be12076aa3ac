"""What the README of the package shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hpcampus_kernels import PROBLEMS

README = (Path(__file__).parents[2] / "kernels/README.md").read_text(encoding="utf-8")


# Code with its output behind it, and no other block between the two.
EXAMPLES = re.findall(r"```python\n((?:(?!```).)*)```\n\n```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("code", "shown"), EXAMPLES, ids=["check", "inspect"])
def test_an_example_prints_what_it_says(code: str, shown: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert " ".join(shown.split()) in " ".join(done.stdout.split())


def test_every_problem_is_listed() -> None:
    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == list(PROBLEMS)
