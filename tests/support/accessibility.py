"""Barriers in a page: what axe-core finds in a real browser, by WCAG 2.1 AA."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "journeys" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
PHONE = {"width": 320, "height": 640}
"""Pixels: at this width nothing may need scrolling in two directions (WCAG 2.1, 1.4.10)."""


def barriers(page: Page) -> list[str]:
    """What keeps people out of the page as it stands, in light and in dark colours, and on a phone."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # Colours that are still changing are nobody's contrast.
    page.emulate_media(reduced_motion="reduce")
    found = [*_axe(page, "light"), *_axe(page, "dark")]
    page.emulate_media(color_scheme="null", reduced_motion="null")
    before = page.viewport_size
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a typed dictionary of two numbers
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > PHONE["width"]:
        found.append(f"reflow: the page is {wide} pixels wide where {PHONE['width']} are")
    if before is not None:
        page.set_viewport_size(before)
    return found


def _axe(page: Page, colours: str) -> Iterator[str]:
    page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]  # one of two words
    rules = {"runOnly": {"type": "tag", "values": STANDARD}}
    result: dict[str, Any] = page.evaluate("rules => axe.run(rules)", rules)
    for violation in result["violations"]:
        for node in violation["nodes"]:
            yield f"{colours}: {violation['id']}: {violation['help']}: {' '.join(map(str, node['target']))}"
