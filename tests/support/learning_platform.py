"""A learning platform of our own making: it checks who asks by their published keys, as AGS 2.0 wants it."""

import json
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

CLIENT = "campus-at-the-platform"
ISSUER = "https://platform.example"
_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$")
_ITEM, _ITEMS = (
    "application/vnd.ims.lis.v2.lineitem+json",
    "application/vnd.ims.lis.v2.lineitemcontainer+json",
)
_SCORE = "application/vnd.ims.lis.v1.score+json"
# As Moodle does it: the word of the service stands before the question mark.
_PATH = re.compile(r"^/lineitems(?:/(\d+)/lineitem(?:/(scores|results))?)?$")
_FIELDS = {"userId", "scoreGiven", "scoreMaximum", "activityProgress", "gradingProgress", "timestamp"}
_ACTIVITY = {"Initialized", "Started", "InProgress", "Submitted", "Completed"}
_GRADING = {"FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"}


@dataclass
class Reply:
    """What is answered; without a `body` the connection is cut after the work was done."""

    code: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Platform:
    """Its gradebook, whom it believes, and what goes wrong at it."""

    members: set[str]
    our_keys: Callable[[], dict[str, Any]]
    url: str = ""
    rights: tuple[str, ...] = ("lineitem", "score", "result.readonly")
    token_seconds: float = 3600
    page: int = 2
    items: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    faults: list[Reply] = field(default_factory=list)
    """What is posted next is answered with: in place of keeping it, or with `cut` after it was kept."""
    tokens: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    @property
    def line_items(self) -> str:
        """Where the line items of the course are."""
        return f"{self.url}/lineitems?type_id=3"

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return f"{self.url}/token"

    def token(self, form: dict[str, str]) -> Reply:
        """A token for whoever can sign as the tool that is registered."""
        try:
            assert form["grant_type"] == "client_credentials", "the grant type"
            assert form["client_assertion_type"] == _ASSERTION, "the type of the assertion"
            claims = self._checked(form["client_assertion"])
            assert claims["iss"] == claims["sub"] == CLIENT, "whom it is about"
            assert claims["jti"] not in self._seen, "that it is new"
        except (jwt.PyJWTError, AssertionError, KeyError) as error:
            self.refusals.append(repr(error))
            return Reply(400, {"error": "invalid_client"})
        self._seen.add(claims["jti"])
        wanted = set(form["scope"].split())
        given = frozenset(wanted & {f"{_SCOPE}{right}" for right in self.rights})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = (time.monotonic() + self.token_seconds, given)
        answer = {"access_token": token, "token_type": "Bearer", "scope": " ".join(sorted(given))}
        return Reply(200, {**answer, "expires_in": 3600})

    def _checked(self, assertion: str) -> dict[str, Any]:
        """The claims, if they are signed with one of the keys that the tool publishes."""
        kid = jwt.get_unverified_header(assertion)["kid"]
        found = [key for key in jwt.PyJWKSet.from_dict(self.our_keys()).keys if key.key_id == kid]
        assert found, "a key that is published"
        required = ["iss", "sub", "aud", "iat", "exp", "jti"]
        return dict(
            jwt.decode(
                assertion, found[0].key, ["RS256"], audience=self.token_url, options={"require": required}
            )
        )

    def serve(self, method: str, target: str, headers: Any, body: bytes) -> Reply:
        """One request for line items, scores or results."""
        parts = urlsplit(target)
        match = _PATH.match(parts.path)
        if match is None or "type_id=3" not in parts.query:
            return Reply(404, {"error": f"no {target}"})
        item, service = match.groups()
        needed = {None: "lineitem", "scores": "score", "results": "result.readonly"}[service]
        until, rights = self.tokens.get(
            headers.get("Authorization", "").removeprefix("Bearer "), (0.0, frozenset())
        )
        if time.monotonic() >= until:
            self.refusals.append("no token that is good")
            return Reply(401)
        if f"{_SCOPE}{needed}" not in rights:
            self.refusals.append(f"the scope {needed}")
            return Reply(403, {"error": "insufficient_scope"})
        if method == "POST" and self.faults and not self.faults[0].cut:
            return self.faults.pop(0)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        reply = self._route(method, item, service, headers, body, query)
        return self.faults.pop(0) if method == "POST" and self.faults else reply

    def _route(
        self,
        method: str,
        item: str | None,
        service: str | None,
        headers: Any,
        body: bytes,
        query: dict[str, str],
    ) -> Reply:
        kind = headers.get("Content-Type", "")
        if item is None and method == "GET":
            return self._listed(query)
        if item is None and method == "POST" and kind == _ITEM:
            return self._made(json.loads(body))
        if service == "scores" and method == "POST" and kind == _SCORE:
            return self._scored(str(item), json.loads(body))
        if service == "results" and method == "GET":
            score = self.scores.get((str(item), query["user_id"]))
            result = score and {"id": f"{self.url}/results/1", "userId": score["userId"]} | {
                "resultScore": 100 * score["scoreGiven"] / score["scoreMaximum"],
                "resultMaximum": 100,
            }
            return Reply(200, [result] if result else [])
        return Reply(415)

    def _listed(self, query: dict[str, str]) -> Reply:
        """A page of them; as platforms may, it looks at the tag only, and shows other people's items too."""
        found = [item for item in self.items if item["tag"] == query.get("tag")]
        start = int(query.get("from", "0"))
        headers = {"Content-Type": _ITEMS}
        if start + self.page < len(found):
            more = urlencode({**query, "from": start + self.page})
            headers["Link"] = f'<{self.url}/lineitems?{more}>; rel="next"'
        return Reply(200, found[start : start + self.page], headers)

    def _made(self, item: dict[str, Any]) -> Reply:
        assert item["scoreMaximum"] > 0
        assert item["label"]
        made = {**item, "id": f"{self.url}/lineitems/{len(self.items) + 1}/lineitem?type_id=3"}
        self.items.append(made)
        return Reply(201, made)

    def _scored(self, item: str, score: dict[str, Any]) -> Reply:
        right = (
            set(score) == _FIELDS
            and _MOMENT.match(score["timestamp"])
            and score["activityProgress"] in _ACTIVITY
            and score["gradingProgress"] in _GRADING
        )
        if not right:
            return Reply(400, {"error": "not a score"})
        if score["userId"] not in self.members:
            return Reply(404, {"error": "nobody of that id is in this course"})
        before = self.scores.get((item, score["userId"]))
        if before and _when(before) >= _when(score):
            return Reply(409, {"error": "not later than what is there"})
        self.scores[item, score["userId"]] = score
        self.taken.append(score)
        return Reply(204)


def _when(score: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(score["timestamp"])


@contextmanager
def served(platform: Platform, tls: ssl.SSLContext | None = None) -> Iterator[Platform]:
    """The platform at an address of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            platform.asked.append(f"{self.command} {self.path}")
            if self.path == "/token":
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                reply = platform.token(form)
            else:
                reply = platform.serve(self.command, self.path, self.headers, body)
            if reply.cut:
                self.close_connection = True
                return
            content = b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.code)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        platform.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield platform
        finally:
            server.shutdown()
            thread.join()
