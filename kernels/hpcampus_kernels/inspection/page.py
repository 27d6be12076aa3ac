"""An inspection as HTML for a notebook, built as a tree, so that words from a learner's code are escaped."""

from importlib.resources import files
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from hpcampus_kernels.inspection.result import Inspection


def page(inspection: "Inspection") -> str:
    """What each architecture needs, and the code with what its lines cost."""
    root = Element("div", {"class": "hpcampus-report"})
    style = files("hpcampus_kernels.simulator").joinpath("page.css")
    SubElement(root, "style").text = style.read_text(encoding="utf-8")
    _needs(root, inspection)
    _code(root, inspection)
    return tostring(root, encoding="unicode", method="html")


def _needs(root: Element, inspection: "Inspection") -> None:
    table = SubElement(root, "table")
    SubElement(table, "caption").text = inspection.kernel
    heads, *rows = inspection.table()
    row = SubElement(table, "tr")
    for head in heads:
        SubElement(row, "th", scope="col").text = head
    for first, *cells in rows:
        row = SubElement(table, "tr")
        SubElement(row, "th", scope="row").text = first
        for cell in cells:
            SubElement(row, "td").text = cell


def _code(root: Element, inspection: "Inspection") -> None:
    table = SubElement(root, "table")
    SubElement(table, "caption").text = "What its lines cost"
    for line in inspection.source:
        row = SubElement(table, "tr")
        SubElement(row, "th", scope="row").text = str(line.number)
        SubElement(SubElement(row, "td"), "code").text = line.source
        for use, meaning in inspection.remarks:
            if use.line == line:
                _remark(table, use.what, meaning)
    for use, meaning in inspection.remarks:
        if use.line not in inspection.source:
            _remark(table, str(use), meaning)


def _remark(table: Element, words: str, meaning: str) -> None:
    row = SubElement(table, "tr", {"class": "finding warning"})
    SubElement(row, "th", scope="row").text = "cost"
    SubElement(row, "td").text = f"{words}. {meaning}" if meaning else words
