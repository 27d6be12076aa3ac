"""What travels between the one who grades a batch and its workers: plain data, as JSON. Never pickles."""

from collections.abc import Mapping

from hpcampus_spawner.models import Model
from pydantic import ConfigDict, JsonValue

from hpcampus_grading.archive import Limits

# What comes back is larger than what was handed in: it has outputs.
LIMITS = Limits(packed=256 << 20, unpacked=1 << 30, notebook=256 << 20, files=10_000)


class _Packed(Model):
    """Bytes are written in base64."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class Material(_Packed):
    """An assignment as it is graded: the same for all of its submissions.

    `source` is a zip of the instructor's files, `gradebook` an SQLite file of nbgrader's with the
    assignment's cells and nobody's grades, `settings` nbgrader's configuration.
    """

    course: str
    assignment: str
    source: bytes
    gradebook: bytes
    settings: Mapping[str, JsonValue]


class Work(_Packed):
    """One submission to be graded, as it was collected; `version` says which of the learner's it is."""

    learner: str
    version: str
    files: bytes


class CellScore(Model):
    """What the tests gave for one cell; None where only a person can tell."""

    notebook: str
    cell: str
    score: float | None


class CellComment(Model):
    """What nbgrader itself has to say of one cell, if anything."""

    notebook: str
    cell: str
    comment: str | None


class Graded(_Packed):
    """A submission that was graded: its executed notebooks, as a zip, and what each cell is worth.

    Where it could not be graded, `problem` says why, and the rest is empty.
    """

    learner: str
    version: str
    files: bytes = b""
    scores: tuple[CellScore, ...] = ()
    comments: tuple[CellComment, ...] = ()
    problem: str = ""
