"""Line items, which are the columns of a platform's gradebook, and scores for them (AGS 2.0)."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from hpcampus_grading.lti.connection import ONCE, Connection, PlatformAway, same_place

_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
_SCORE = "application/vnd.ims.lis.v1.score+json"
_RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
TAG = "hpcampus"
_MOST_PAGES = 20


class Refused(RuntimeError):
    """The platform didn't take one score; the message is its reason."""


class _LineItem(BaseModel):
    """The part that matters; a platform need not send back what we asked for by."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    id: str
    resource_id: str | None = None
    tag: str | None = None


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    user_id: str
    result_score: float | None = None
    result_maximum: float | None = None


_Kind = TypeVar("_Kind")
_LINE_ITEM = TypeAdapter(_LineItem)
_LINE_ITEMS = TypeAdapter(tuple[_LineItem, ...])
_RESULTS_OF_ONE = TypeAdapter(tuple[_Result, ...])


@dataclass(frozen=True)
class Column:
    """What a line item is for: `resource` names the assignment among all of ours."""

    resource: str
    label: str
    points: float
    due: datetime | None


@dataclass(frozen=True)
class Score:
    """What a learner is to have there. `at` is when it was decided: an older one never replaces a newer."""

    user: str
    points: float
    most: float
    finished: bool
    at: datetime

    def body(self) -> dict[str, Any]:
        """The score as AGS writes it."""
        return {
            "userId": self.user,
            "scoreGiven": self.points,
            "scoreMaximum": self.most,
            "activityProgress": "Completed" if self.finished else "Submitted",
            "gradingProgress": "FullyGraded" if self.finished else "PendingManual",
            "timestamp": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
        }


def find_or_make(connection: Connection, line_items: str, column: Column) -> str:
    """The address of the assignment's line item; raises `PlatformAway`."""
    if found := _find(connection, line_items, column):
        return found
    body = {
        "label": column.label,
        "scoreMaximum": column.points,
        "resourceId": column.resource,
        "tag": TAG,
        **({"endDateTime": column.due.astimezone(UTC).isoformat()} if column.due else {}),
    }
    headers = {"Content-Type": _ITEM, "Accept": _ITEM}
    try:
        # Asked once: a second request could make a second line item, where only the answer was lost.
        reply = connection.ask("POST", line_items, headers, body, ONCE)
    except PlatformAway:
        if found := _find(connection, line_items, column):
            return found
        raise
    return _ours(_parsed(reply, _LINE_ITEM, connection).id, line_items)


def send(connection: Connection, line_item: str, score: Score) -> None:
    """Give the platform a score; raises `Refused` or `PlatformAway`."""
    reply = connection.ask("POST", _below(line_item, "scores"), {"Content-Type": _SCORE}, score.body())
    if reply.ok:
        return
    if reply.status_code != requests.codes.conflict:
        raise Refused(_reason(reply))
    # This very score may have arrived before, and the answer been lost.
    if not _has(connection, line_item, score):
        raise Refused(
            "The platform has a score that was given there later than this one, and keeps it. "
            "Change it there, or record the grade again."
        )


def _find(connection: Connection, line_items: str, column: Column) -> str | None:
    url: str | None = _with(line_items, resource_id=column.resource, tag=TAG)
    for _ in range(_MOST_PAGES):
        if url is None or not same_place(url, line_items):
            return None
        reply = connection.ask("GET", url, {"Accept": _ITEMS})
        for item in _parsed(reply, _LINE_ITEMS, connection):
            # A platform that ignores what we asked for shows all of its line items.
            if (item.resource_id, item.tag) == (column.resource, TAG):
                return _ours(item.id, line_items)
        url = reply.links.get("next", {}).get("url")
    return None


def _has(connection: Connection, line_item: str, score: Score) -> bool:
    """Whether the score there is this one already."""
    url = _with(_below(line_item, "results"), user_id=score.user)
    reply = connection.ask("GET", url, {"Accept": _RESULTS})
    if not reply.ok:
        return False
    results = _parsed(reply, _RESULTS_OF_ONE, connection)
    return any(result.user_id == score.user and _same(result, score) for result in results)


def _same(result: _Result, score: Score) -> bool:
    if result.result_score is None or not score.most:
        return False
    return math.isclose(
        result.result_score / (result.result_maximum or 1), score.points / score.most, abs_tol=1e-6
    )


def _parsed(reply: requests.Response, kind: TypeAdapter[_Kind], connection: Connection) -> _Kind:
    issuer = connection.platform.issuer
    if not reply.ok:
        raise PlatformAway(f"The platform {issuer} doesn't show its line items: {_reason(reply)}")
    try:
        return kind.validate_json(reply.content)
    except ValidationError as error:
        raise PlatformAway(f"The platform {issuer} answered something that is not LTI.") from error


def _ours(found: str, line_items: str) -> str:
    """The token is for that platform alone, whatever it answers."""
    if not same_place(found, line_items):
        raise PlatformAway("The platform names a line item at another server. No grade was sent there.")
    return found


def _below(line_item: str, what: str) -> str:
    """Its scores or results: the word belongs to the path, before any question mark."""
    parts = urlsplit(line_item)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{what}"))


def _with(url: str, **more: str) -> str:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    return urlunsplit(parts._replace(query=query))


def _reason(reply: requests.Response) -> str:
    """The platform's own words, where they are short."""
    plain = reply.headers.get("Content-Type", "").startswith(("text/plain", "application/json"))
    words = " ".join(reply.text.split())[:200] if plain else ""
    return f"The platform answers {reply.status_code} {words or reply.reason}."
