"""How learners' Markdown becomes HTML in their instructors' pages: as text, never as a script."""

from functools import lru_cache
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

LONGEST_KEPT = 10_000
"""Of longer cells nothing is remembered: learners must not fill the memory with theirs."""


@pass_context
def safe_markdown2html(context: Context, source: str) -> str:
    """Stands where nbconvert's filter of this name stood; HTML inside Markdown is shown and not obeyed.

    Attached images are shown; no file is ever read for one.
    """
    cell: Any = context.get("cell") or {}
    attachments = cell.get("attachments", {})
    if attachments or len(source) > LONGEST_KEPT:
        return _rendered(source, attachments)
    return _without_pictures(source)


# An assignment's own cells are the same in everybody's page.
@lru_cache(maxsize=512)
def _without_pictures(source: str) -> str:
    return _rendered(source, {})


def _rendered(source: str, attachments: dict[str, Any]) -> str:
    renderer = IPythonRenderer(
        escape=True,
        allow_harmful_protocols=False,
        attachments=attachments,
        embed_images=False,
    )
    return str(MarkdownWithMath(renderer=renderer).render(source))
