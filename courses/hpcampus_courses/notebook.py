"""A notebook of a course as its author wrote it: the cells, and nbgrader's marks on them."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from hpcampus_spawner.models import BadFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

SOLUTION = "### BEGIN SOLUTION"
HIDDEN_TESTS = "### BEGIN HIDDEN TESTS"


class _Part(BaseModel):
    # Jupyter and its extensions write more into a notebook than anybody reads here.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Mark(_Part):
    """What nbgrader knows of a cell; `grade_id` is its name in the gradebook."""

    schema_version: int
    grade_id: str
    grade: bool
    solution: bool
    locked: bool
    task: bool = False
    points: float = 0

    @property
    def automatic(self) -> bool:
        """Whether the points come from tests in the cell; from a person otherwise."""
        return self.grade and not self.solution and not self.task


class _Metadata(_Part):
    nbgrader: Mark | None = None
    tags: tuple[str, ...] = ()


class Cell(_Part):
    """One cell; `outputs` and `execution_count` are those of a run that somebody saved."""

    id: str = ""
    cell_type: Literal["code", "markdown", "raw"]
    source: str
    metadata: _Metadata = _Metadata()
    outputs: tuple[Any, ...] = ()
    execution_count: int | None = None

    @field_validator("source", mode="before")
    @classmethod
    def _joined(cls, source: object) -> object:
        return "".join(map(str, source)) if isinstance(source, list) else source

    @property
    def mark(self) -> Mark | None:
        """nbgrader's mark, if the cell has one."""
        return self.metadata.nbgrader

    @property
    def name(self) -> str:
        """What people call it: the name in the gradebook, or the cell's id."""
        return self.mark.grade_id if self.mark else self.id


class Notebook(_Part):
    """All cells of a notebook, in order."""

    nbformat: int = Field(ge=4, le=4)
    cells: tuple[Cell, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file; raises `BadFile` when it is no notebook of format 4."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise BadFile(f"{path}: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadFile(f"{path} is not a notebook that can be read ({where}: {first['msg']})") from error

    @cached_property
    def code(self) -> tuple[Cell, ...]:
        """The cells that are run."""
        return tuple(cell for cell in self.cells if cell.cell_type == "code")

    @cached_property
    def answers(self) -> dict[str, Cell]:
        """The cells that learners fill in, by name."""
        return {cell.name: cell for cell in self.cells if cell.mark and cell.mark.solution}

    @cached_property
    def points(self) -> dict[str, float]:
        """What each cell of tests is worth, by name."""
        marks = [cell.mark for cell in self.cells if cell.mark]
        return {mark.grade_id: mark.points for mark in marks if mark.automatic}
