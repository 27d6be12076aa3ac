"""What grading a notebook left besides outputs: what a person should look at."""

from typing import Annotated, Literal

from hpcampus_spawner.models import Model
from pydantic import Field, StringConstraints, ValidationError

Kind = Literal["canary", "replaced", "equal", "hook", "channel", "ended"]

WORDS: dict[Kind, str] = {
    "canary": "a test that must fail did not fail",
    "replaced": "functions that the tests rely on were replaced",
    "equal": "a value claimed to be equal to everything",
    "hook": "the interpreter was watched or searched while tests ran",
    "channel": "something was written into the channel to the grader",
    "ended": "the process ended right after it had reported a result",
}


class Flag(Model):
    """A sign of tampering in one cell, which got no points for it; a person decides what it means."""

    notebook: Annotated[str, StringConstraints(max_length=128)] = ""
    cell: Annotated[str, StringConstraints(max_length=256)]
    kind: Kind
    evidence: Annotated[str, StringConstraints(max_length=2000)]


class Report(Model):
    """Kept beside the graded notebook."""

    flags: Annotated[tuple[Flag, ...], Field(max_length=1000)] = ()


SUFFIX = ".sandbox.json"


def read_report(content: bytes) -> Report:
    """A report from a file; an empty one where it isn't one of ours."""
    try:
        return Report.model_validate_json(content)
    except ValidationError:
        return Report()
