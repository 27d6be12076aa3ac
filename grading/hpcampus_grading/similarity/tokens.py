"""A cell as tokens, in which what is easily changed to look different is all the same."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String

_WORD = re.compile(r"\w+")
_LEXER = PythonLexer(stripnl=False, ensurenl=False)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: what counts of it, and the line (from 1) on which it is."""

    text: str
    line: int


def tokens_of(kind: str, source: str) -> list[Token]:
    """The tokens of a cell: words of a text, or Python without names, numbers, strings and comments.

    Names behind a dot stay, since a library's functions can't be called otherwise. Text that is no Python is
    taken apart as far as possible.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", source))]
    found = _python(source) if kind == "code" else _words(source)
    return [Token(text, bisect_right(starts, place)) for place, text in found]


def _words(source: str) -> Iterator[tuple[int, str]]:
    for match in _WORD.finditer(source):
        yield match.start(), match.group().casefold()


def _python(source: str) -> Iterator[tuple[int, str]]:
    before = ""
    for place, kind, text in _LEXER.get_tokens_unprocessed(source):
        said = _said(kind, text.strip(), before)
        # A string comes in pieces: its quotation marks, its text, what is put into it.
        if said and not (said == before == "string"):
            yield place, said
        before = said or before


def _said(kind: Any, text: str, before: str) -> str:
    """What counts of a token; empty for what doesn't."""
    if not text or kind in Comment or kind in String.Doc:
        return ""
    if kind in String:
        return "string"
    if kind in Number or kind in Literal:
        return "number"
    if kind in Name:
        return text if before == "." or kind in Name.Builtin else "name"
    if kind in Keyword or kind in Operator or kind in Punctuation:
        return text
    return ""
