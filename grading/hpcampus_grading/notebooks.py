"""What a notebook must be to be accepted, and what must not be left in one that learners get."""

import re
import zipfile
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Marks that nbgrader's converters remove; one that is left means a solution or a hidden test is left.
_MARKS = re.compile(rb"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|#{3} ?(HASHED )?AUTOTEST")


class BadNotebook(ValueError):
    """A notebook that can't be used; the message names the file and says what to do."""


class _Cell(BaseModel):
    model_config = ConfigDict(extra="ignore")

    cell_type: Literal["code", "markdown", "raw"]
    source: str | list[str]
    metadata: dict[str, Any]


class _Notebook(BaseModel):
    """The shape that nbformat 4 asks for, as far as grading relies on it."""

    model_config = ConfigDict(extra="ignore")

    nbformat: Annotated[int, Field(strict=True, ge=4, le=4)]
    nbformat_minor: Annotated[int, Field(strict=True, ge=0)]
    metadata: dict[str, Any]
    cells: Annotated[list[_Cell], Field(max_length=5000)]


def check_notebook(name: str, content: bytes) -> None:
    """Raise `BadNotebook` unless the content is a notebook of format 4."""
    try:
        _Notebook.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
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
