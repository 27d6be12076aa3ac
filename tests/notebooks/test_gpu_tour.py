"""The tour of GPU kernels runs where there is no GPU, and shows what its text announces."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks/gpu_tour.ipynb"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The executed cells by name."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def said(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def page(cell: Any) -> str:
    (html,) = (output["data"]["text/html"] for output in cell.outputs if "data" in output)
    return str(html)


def test_it_runs_without_a_warning(ran: dict[str, Any]) -> None:
    outputs = [output for cell in ran.values() for output in cell.outputs]
    assert not [
        output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"
    ]


def test_the_race_is_reported_although_the_answer_was_right(ran: dict[str, Any]) -> None:
    assert said(ran["racy-kernel"]) == "all levels counted: True\n"
    report = page(ran["report-show"])
    assert "one change is lost" in report
    assert "counts[levels[i]] += 1" in report


def test_both_repairs_are_right(ran: dict[str, Any]) -> None:
    for cell in ("fixed-kernel", "private-kernel"):
        assert said(ran[cell]).endswith(": nothing found\nall levels counted: True\n")
    numbers = [int(line.split()[1]) for line in said(ran["measures-show"]).splitlines()]
    assert numbers == [1000, 2 * 16]


def test_the_compiled_code_is_shown(ran: dict[str, Any]) -> None:
    assert "H100 (sm_90)" in page(ran["inspect-show"])
    ptx = said(ran["ptx-show"])
    assert ptx.count("bar.sync") == 2
    assert "atom.shared.add" in ptx
    assert "atom.global.add" in ptx
    assert "x[i] = x[i] * 0.3" in said(ran["float64-show"])


def test_the_roofline_is_drawn_and_told(ran: dict[str, Any]) -> None:
    assert any("image/png" in output.get("data", {}) for output in ran["roofline-plot"].outputs)
    assert "vector_add" in said(ran["roofline-table"])
