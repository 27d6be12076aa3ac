"""What a notebook must be to be accepted, and what must not be left in one that learners get."""

import re
import zipfile
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Marks that nbgrader's converters remove; one that is left means a solution or a hidden test is left.
_MARKS = re.compile(rb"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|#{3} ?(HASHED )?AUTOTEST")


class BadNotebook(ValueError):
    """A notebook that can't be used; the message names the file and says what to do."""


_MOST_CELLS = 5000
_Text = str | list[str]


class _Shape(BaseModel):
    """Of what nbformat 4 asks for, that without which nbformat or nbgrader give up the whole notebook."""

    model_config = ConfigDict(extra="ignore")


class _Output(_Shape):
    text: _Text = ""
    data: dict[str, Any] = {}


class _CellMetadata(_Shape):
    name: str = ""
    tags: list[str] = []
    jupyter: dict[str, Any] = {}
    format: str = ""


class _Cell(_Shape):
    id: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")] = "as in notebooks from before cells had one"
    cell_type: Literal["code", "markdown", "raw"]
    source: _Text
    metadata: _CellMetadata
    outputs: list[_Output] = []
    attachments: dict[str, dict[str, Any]] = {}


class _Language(_Shape):
    name: str = ""
    codemirror_mode: str | dict[str, Any] = ""
    file_extension: str = ""
    mimetype: str = ""
    pygments_lexer: str = ""


class _Metadata(_Shape):
    title: str = ""
    authors: list[Any] = []
    language_info: _Language = _Language()


class _Notebook(_Shape):
    nbformat: Annotated[int, Field(strict=True, ge=4, le=4)]
    nbformat_minor: Annotated[int, Field(strict=True, ge=0)]
    metadata: _Metadata
    cells: Annotated[list[_Cell], Field(max_length=_MOST_CELLS)]


def check_notebook(name: str, content: bytes) -> None:
    """Raise `BadNotebook` unless the content is a notebook of format 4."""
    try:
        _Notebook.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "too_long":
            raise BadNotebook(
                f"{name} has more than {_MOST_CELLS} cells, which is too many to be graded. "
                "Remove those that you don't need and try again."
            ) from error
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise BadNotebook(
            f"{name} is not a notebook that can be read ({reason}). "
            "Open it in JupyterLab, save it and try again; if it doesn't open, fetch a fresh copy."
        ) from error


def leftovers(content: bytes) -> str | None:
    """The first mark of a solution or a hidden test in a file, or None."""
    found = _MARKS.search(content)
    return found.group().decode() if found else None


def find_leftovers(archive: BinaryIO) -> str | None:
    """Why an archive must not be released: the file, and what is left in it; None if it is clean."""
    archive.seek(0)
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            if mark := leftovers(files.read(name)):
                return (
                    f"{name} still holds {mark!r}, so learners would see a solution or a hidden test. "
                    "Nothing was released: generate the assignment again and release what that makes."
                )
    return None
