"""What a person may ask for when they press Start: one validator for form, query string and JSON."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from hpcampus_spawner.models import Model
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.site import SchedulerName, SiteId
from hpcampus_spawner.wishes import Wishes

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def _whole_number(value: object) -> int:
    """Accept 4 and "4" only: not True, 4.0, "4e0", "0x4" or digits of other scripts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    raise ValueError("must be a whole number, written with the digits 0 to 9")


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Slug = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9-]{0,28}[a-z0-9]$")]


class Options(Model):
    """Either a lesson of a course, or the resources of a notebook of one's own; never both. And where."""

    site: SiteId | None = None
    course: Slug | None = None
    assignment: Slug | None = None
    # The site's own limits are the matching's business: it knows what would fit instead.
    cpus: Annotated[WholeNumber, Field(ge=1, le=10**4)] | None = None
    memory_gib: Annotated[WholeNumber, Field(ge=1, le=10**5)] | None = None
    gpus: Annotated[WholeNumber, Field(ge=0, le=10**4)] | None = None
    hours: Annotated[WholeNumber, Field(ge=1, le=10**4)] | None = None
    partition: SchedulerName | None = None
    gpu_type: SchedulerName | None = None
    reservation: SchedulerName | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Options":
        resources = (self.cpus, self.memory_gib, self.gpus, self.hours, self.wishes)
        if self.course and any(value not in (None, Wishes()) for value in resources):
            raise ValueError("a course brings its own resources: give a course or resources, not both")
        if self.assignment and not self.course:
            raise ValueError("an assignment needs its course")
        if self.gpu_type and not self.gpus:
            raise ValueError("a type of GPU was chosen and no GPU: ask for at least one, or for any type")
        return self

    @property
    def wishes(self) -> Wishes:
        """What is wanted beside the resources."""
        return Wishes(self.partition, self.gpu_type, self.reservation)

    @property
    def needs(self) -> Needs:
        """The resources asked for, with modest defaults."""
        return Needs(
            cpus=self.cpus or 2,
            memory_gib=self.memory_gib or 4,
            gpus=self.gpus or 0,
            walltime_minutes=60 * (self.hours or 1),
        )


def parse_options(raw: object) -> Options:
    """Check options from any of the three doors; raises `Refused` naming the field.

    A form and a query string bring lists of strings, the JSON API brings anything at all.
    """
    if not isinstance(raw, Mapping):
        raise Refused("options", "Options must be an object with names and values.")
    try:
        return Options.model_validate({key: _single(value) for key, value in raw.items()})
    except ValidationError as error:
        raise Refused("options", " ".join(_sentences(error))) from error


def _single(value: object) -> object:
    """The value of a form's field; an empty field counts as not given."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return None if value == "" else value


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        if problem["type"] == "extra_forbidden":
            sentences.append(f"Unknown option {field[:40]!a}.")
        else:
            sentences.append(f"{field}: {_reason(problem)}." if field else f"{_reason(problem)}.")
    return sentences


def _reason(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "string_pattern_mismatch":
        return "may hold letters, digits, dots, dashes and underscores only"
    return str(problem["msg"]).removeprefix("Value error, ")
