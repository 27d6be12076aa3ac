"""docs/speed.md says what was measured, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

from house import ROOT

SCRIPT = "speed_page.py"


def written(benchmarks: Path) -> str:
    """What the command makes of the results that lie in that folder."""
    docs = benchmarks.parent / "docs"
    docs.mkdir(exist_ok=True)
    subprocess.run([sys.executable, benchmarks / SCRIPT], check=True, capture_output=True)
    return (docs / "speed.md").read_text(encoding="utf-8")


def copied(to: Path) -> Path:
    """The command, its template and the results, elsewhere."""
    results = to / "benchmarks" / "results"
    results.mkdir(parents=True)
    for path in (ROOT / "benchmarks").glob("speed*"):
        (to / "benchmarks" / path.name).write_bytes(path.read_bytes())
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        (results / path.name).write_bytes(path.read_bytes())
    return to / "benchmarks"


def test_the_page_is_what_the_results_say(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert page == written(copied(tmp_path)), "python benchmarks/speed_page.py writes it anew"


def test_a_result_that_changes_changes_the_page_and_its_verdict(tmp_path: Path) -> None:
    benchmarks = copied(tmp_path)
    result = benchmarks / "results" / "class_start.json"
    measured = json.loads(result.read_text())
    measured["rows"][0] |= {"all submitted s": 61.5, "answers": {"202": 299, "429": 1}}
    result.write_text(json.dumps(measured))
    page = written(benchmarks)
    assert "| seconds until all of the class are submitted: at most 60 | 61.5 | no |" in page
    assert "| learners of a class who are refused: none | 1 | no |" in page
    assert "429: 1" in page
