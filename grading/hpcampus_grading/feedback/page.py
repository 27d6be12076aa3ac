"""The page that nbgrader's feedback becomes: no scripts, nothing from elsewhere, and one column of text."""

import re
from functools import lru_cache
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.python import PythonLexer

from hpcampus_grading.html import LONGEST_KEPT

_LEXER, _FORMATTER = PythonLexer(), HtmlFormatter(cssclass="highlight")
# Text has no such sign: there it is `&lt;`.
_SILENT_PICTURE = re.compile(r"<img\b(?![^>]*\salt=)")
_WORDS = 'alt="No description has been provided for this image"'


class FeedbackPage(HTMLExporter):
    """nbconvert's HTML by a name of its own, so that settings can tell it from Formgrader's pages."""

    def from_notebook_node(  # type: ignore[override]  # as HTMLExporter's own does
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Fill the template.

        nbconvert's own would then parse the page, look for pictures without a description, and write it
        again, which takes as long as all the rest: here the pictures are found without.
        """
        self.register_filter("highlight_code", highlighted)  # type: ignore[no-untyped-call]  # nbconvert's
        own = self._init_resources(resources)  # type: ignore[no-untyped-call]  # nbconvert's
        page, resources = TemplateExporter.from_notebook_node(self, nb, own, **kw)
        return _SILENT_PICTURE.sub(f"<img {_WORDS}", page), resources


def highlighted(source: str, **_: Any) -> str:
    """Code as HTML, every character of it as text: it needs no cleaning. Only Python is ever run."""
    return _highlighted(source) if len(source) <= LONGEST_KEPT else _highlighted.__wrapped__(source)


# An assignment's own cells are the same in everybody's page.
@lru_cache(maxsize=512)
def _highlighted(source: str) -> str:
    return str(highlight(source or " ", _LEXER, _FORMATTER))
