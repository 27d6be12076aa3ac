"""A report in a notebook and in a terminal: the findings stand on their lines, and pictures have words."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import Report, simulate
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook


def columns(a: Any, out: Any) -> None:
    t = cuda.grid(1)
    out[t] = a[t, 0]
    out[t + 1 if "<b>" else 0] = 1


def report() -> Report:
    return simulate(columns, 1, 32, np.zeros((32, 32), np.float32), np.zeros(32, np.float32))


def test_the_page_has_each_finding_after_its_line() -> None:
    shown = ElementTree.fromstring(report()._repr_html_())
    rows = ["".join(row.itertext()) for row in shown.iter("tr")]
    place = next(i for i, row in enumerate(rows) if 't + 1 if "<b>"' in row)
    assert any("out[32], but out has 32 elements" in row for row in rows[place + 1 : place + 3])
    assert rows[1].endswith("    t = cuda.grid(1)")


def test_a_line_that_is_wrong_or_wasteful_has_a_picture_and_the_picture_has_words() -> None:
    shown = ElementTree.fromstring(report()._repr_html_())
    (wrong, figure) = shown.iter("figure")
    assert "write out" in (wrong.findtext("figcaption") or "")
    words = figure.findtext("figcaption")
    assert words is not None
    assert "lane 0 a[0, 0], lane 1 a[1, 0], lane 2 a[2, 0] and so on to lane 31 a[31, 0]" in words
    assert "32 sectors of 32 bytes where 4 would do" in words
    svg = next(child for child in figure if child.tag.endswith("svg"))
    assert (svg.get("role"), svg.get("aria-label")) == ("img", words)
    assert len([child for child in svg if child.tag.endswith("line")]) == 32


def luminance(colour: str) -> float:
    """By the formula of WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
def test_a_picture_can_be_seen_on_a_light_and_on_a_dark_page(background: str) -> None:
    shown = ElementTree.fromstring(report()._repr_html_())
    drawn = {str(shape.get("stroke") or shape.get("fill")) for shape in shown.iter()}
    colours = drawn - {"None", "currentColor"}
    assert len(colours) == 2
    for colour in colours:
        pair = sorted((luminance(colour), luminance(background)))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3, colour


def test_in_a_terminal_it_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    report().show()
    out = capsys.readouterr().out
    assert "columns: 2 findings" in out
    assert "error, outside: Thread 31 of block 0 changed out[32]" in out
    assert "32 sectors where 4 would do (8.00x)" in out
    assert "<" not in out.replace('"<b>"', "")


def test_in_a_notebook_it_is_a_page_and_the_kernel_of_a_cell_has_lines() -> None:
    code = (
        "import numpy as np\nfrom hpcampus_kernels import cuda\n"
        "from hpcampus_kernels.simulator import simulate\n"
        "@cuda.jit\ndef k(x):\n    x[cuda.grid(1)] = 1\nsimulate(k, 1, 4, np.zeros(3)).show()"
    )
    notebook = new_notebook(cells=[new_code_cell(code)])
    NotebookClient(notebook, timeout=120).execute()
    (output,) = notebook.cells[0].outputs
    html = output["data"]["text/html"]
    assert "x[3], but x has 3 elements" in html
    assert ">6</th><td><code>    x[cuda.grid(1)] = 1<" in html
