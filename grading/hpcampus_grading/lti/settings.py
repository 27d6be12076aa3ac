"""Which learning platforms get grades, for which courses, and who is who there: `lti` in `campus.yaml`."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from hpcampus_courses.model import Slug
from hpcampus_spawner.models import Model
from pydantic import AfterValidator, Field, StringConstraints, model_validator

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_COLUMNS = ["hub", "lti"]


class NotSetUp(RuntimeError):
    """Grades can't be sent because of something that an operator must set right; the message says what."""


def _safe(url: str) -> str:
    """Tokens and grades travel to it: encrypted, or never leaving this machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.fragment:
        raise ValueError("must be an address such as https://lms.example/token")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must begin with https:")
    return url


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be a whole path, from / on")
    return path


Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_safe)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class LtiPlatform(Model):
    """A platform at which this campus is registered as a tool.

    `key` is a file with our RSA key (PEM), closed to everybody else. `audience` is whom requests for a token
    are addressed to, where the platform wants another word than its `token_url`. `authority` is a file with
    the certificate (PEM) of an authority of the platform's own.
    """

    issuer: Text
    client_id: Text
    token_url: Url
    key: AbsolutePath
    audience: Text | None = None
    authority: AbsolutePath | None = None


class LtiCourse(Model):
    """A course there: where its line items are, and who is who.

    `people` is a CSV file with the columns `hub` and `lti`, or `same-names` where people log in by LTI and so
    have one name. `items` are the line items that the platform made itself; others are found or made.
    """

    platform: Name
    line_items: Url
    people: AbsolutePath | Literal["same-names"]
    items: Mapping[Slug, Url] = {}

    def user_ids(self) -> Mapping[str, str] | None:
        """The platform's ids by the hub's names, None for the same; raises `NotSetUp`."""
        if not isinstance(self.people, Path):
            return None
        try:
            with self.people.open(newline="", encoding="utf-8-sig") as file:
                table = csv.DictReader(file)
                if table.fieldnames != _COLUMNS:
                    raise NotSetUp(f"{self.people} must begin with the line 'hub,lti'.")
                return _checked(self.people, [(row["hub"], row["lti"]) for row in table])
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise NotSetUp(f"{self.people} can't be read: {error}") from error


def _checked(file: Path, rows: list[tuple[str | None, str | None]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for hub, lti in rows:
        if not hub or not lti or hub in found or lti in found.values():
            raise NotSetUp(f"{file}: {hub!r} with {lti!r} is incomplete, or one of them was there before.")
        found[hub] = lti
    return found


class Lti(Model):
    """All of it."""

    platforms: Mapping[Name, LtiPlatform] = {}
    courses: Mapping[Slug, LtiCourse] = Field(default={})

    @model_validator(mode="after")
    def _platforms_exist(self) -> Self:
        for slug, course in self.courses.items():
            if course.platform not in self.platforms:
                raise ValueError(f"courses.{slug}: there is no platform {course.platform!r}")
        return self
