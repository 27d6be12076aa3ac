"""A report as HTML: the code with the findings on its lines, and a picture of who touched which address.

Built as trees, so that words from a learner's code are escaped. Every picture says in text what it shows.
"""

from importlib.resources import files
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from hpcampus_kernels.simulator.findings import Finding
    from hpcampus_kernels.simulator.report import Measure, Report

# Pictures for lines that are wrong or waste this much at least, and never more than so many.
WASTEFUL, PICTURES = 1.5, 4
WIDTH, HEIGHT, MARGIN = 640, 150, 20
# Both have a contrast of more than 3 to a light page and to a dark one, as WCAG 2.1 asks of graphics.
BLUE, RED = "#3b82d0", "#d9364a"


def page(report: "Report") -> str:
    """The report as HTML for a notebook."""
    root = Element("div", {"class": "hpcampus-report"})
    SubElement(root, "style").text = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    _code(root, report)
    if report.measures:
        _measures(root, report)
    if report.flops:
        SubElement(root, "p").text = f"{report.arithmetic}."
    if any(branch.parted for branch in report.branches):
        _branches(root, report)
    wrong = {finding.line for finding in report.errors}
    telling = [m for m in report.measures if m.line in wrong or m.ratio >= WASTEFUL]
    for measure in sorted(telling, key=lambda m: (m.line not in wrong, -m.ratio))[:PICTURES]:
        _picture(root, measure)
    return tostring(root, encoding="unicode", method="html")


def _code(root: Element, report: "Report") -> None:
    table = SubElement(root, "table")
    SubElement(table, "caption").text = report.headline
    shown = set()
    for line in report.source:
        row = SubElement(table, "tr")
        SubElement(row, "th", scope="row").text = str(line.number)
        cell = SubElement(row, "td")
        SubElement(cell, "code").text = line.source
        for finding in report.findings:
            if finding.line == line:
                _finding(table, finding)
                shown.add(finding)
    for finding in report.findings:
        if finding not in shown:
            _finding(table, finding)


def _finding(table: Element, finding: "Finding") -> None:
    row = SubElement(table, "tr", {"class": f"finding {finding.severity}"})
    SubElement(row, "th", scope="row").text = finding.severity
    times = f" Seen {finding.count} times." if finding.count > 1 else ""
    SubElement(row, "td").text = f"{finding.message}.{times}"


def _measures(root: Element, report: "Report") -> None:
    table = SubElement(root, "table")
    SubElement(table, "caption").text = "Memory, line by line"
    heads = (
        "line",
        "access",
        "transfers",
        "fewest possible",
        "ratio",
        "bytes",
        "active lanes",
        "lanes on one element",
    )
    row = SubElement(table, "tr")
    for head in heads:
        SubElement(row, "th", scope="col").text = head
    for m in report.measures:
        row = SubElement(table, "tr")
        SubElement(row, "th", scope="row").text = str(m.line.number)
        cells = (
            f"{m.kind} {m.array} ({m.space})",
            m.transfers,
            m.ideal,
            f"{m.ratio:.2f}",
            m.bytes,
            f"{m.active:.0%}",
            m.contention or "",
        )
        for cell in cells:
            SubElement(row, "td").text = str(cell)


def _branches(root: Element, report: "Report") -> None:
    table = SubElement(root, "table")
    SubElement(table, "caption").text = "Branches at which lanes of a warp part ways"
    row = SubElement(table, "tr")
    for head in ("line", "decisions of a warp", "lanes part ways"):
        SubElement(row, "th", scope="col").text = head
    for branch in report.branches:
        if branch.parted:
            row = SubElement(table, "tr")
            SubElement(row, "th", scope="row").text = str(branch.line.number)
            SubElement(row, "td").text = str(branch.decisions)
            SubElement(row, "td").text = str(branch.parted)


def _picture(root: Element, measure: "Measure") -> None:
    figure = SubElement(root, "figure")
    words = _words(measure)
    svg = SubElement(
        figure,
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-label": words,
        },
    )
    SubElement(svg, "title").text = words
    lanes = max(lane for lane, _, _ in measure.example) + 1
    low = min(place for _, place, _ in measure.example)
    span = max(max(place for _, place, _ in measure.example) - low, 1)
    wide = WIDTH - 2 * MARGIN
    for lane, place, _ in measure.example:
        top = MARGIN + wide * lane / max(lanes - 1, 1)
        bottom = MARGIN + wide * (place - low) / span
        SubElement(svg, "line", x1=f"{top:.1f}", y1="30", x2=f"{bottom:.1f}", y2="120", stroke=BLUE)
        SubElement(svg, "circle", cx=f"{top:.1f}", cy="30", r="3", fill=BLUE)
        SubElement(svg, "rect", x=f"{bottom - 2:.1f}", y="118", width="4", height="8", fill=RED)
    for y, text in (("18", "lanes of the first warp"), ("144", f"addresses in {measure.array}")):
        SubElement(
            svg, "text", {"x": str(MARGIN), "y": y, "font-size": "13", "fill": "currentColor"}
        ).text = text
    SubElement(figure, "figcaption").text = words


def _words(measure: "Measure") -> str:
    some = [f"lane {lane} {element}" for lane, _, element in (*measure.example[:3], measure.example[-1])]
    unit = "rounds of the banks" if measure.space == "shared" else "sectors of 32 bytes"
    return (
        f"Line {measure.line.number}, {measure.kind} {measure.array}, first warp: {', '.join(some[:3])} "
        f"and so on to {some[-1]}. In all, {measure.transfers} {unit} where {measure.ideal} would do."
    )
