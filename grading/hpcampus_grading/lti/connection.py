"""Requests to one learning platform: with a token, patient, and never to anybody else."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from pydantic import BaseModel, ConfigDict, ValidationError
from requests.utils import get_environ_proxies

from hpcampus_grading.clock import in_utc, utc_now
from hpcampus_grading.lti.keys import ALGORITHM, load_key, public_jwk
from hpcampus_grading.lti.settings import LtiPlatform

_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
# What we may do there, and nothing more.
SCOPES = frozenset(f"{_SCOPE}{right}" for right in ("lineitem", "score", "result.readonly"))
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Before and after the moment by our clock: the platform's may be behind or ahead, and it need not be lenient.
_GOOD_BEFORE_SECONDS, _GOOD_SECONDS = 120, 180
_SECONDS_APART = 60
PATIENT = (1.0, 3.0)
"""Seconds before each further try."""
ONCE: tuple[float, ...] = ()
_LONGEST_PAUSE = 15.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})


class PlatformAway(RuntimeError):
    """The platform can't be worked with now; what was not sent can be sent later."""


class _Token(BaseModel):
    """The part of the platform's answer that matters."""

    model_config = ConfigDict(extra="ignore")

    access_token: str
    token_type: str
    scope: str | None = None


class Connection:
    """Asks one platform, for as long as one token is good.

    A request that gets no answer, or the answer that the platform is busy, is repeated after pauses as long
    as the platform wishes.
    """

    def __init__(self, platform: LtiPlatform, pause: Callable[[float], None] = time.sleep) -> None:
        self.platform = platform
        self._pause = pause
        self._token: str | None = None

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any = None,
        pauses: Sequence[float] = PATIENT,
    ) -> requests.Response:
        """The answer, whatever it is; raises `PlatformAway` where there is none, or `NotSetUp`."""
        self._token = self._token or self._new_token()
        reply = self._patiently(method, url, headers, pauses, json=body)
        if reply.status_code == requests.codes.unauthorized:  # a token may end before its time
            self._token = self._new_token()
            reply = self._patiently(method, url, headers, pauses, json=body)
        return reply

    def _new_token(self) -> str:
        self._token = None
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._assertion(),
            "scope": " ".join(sorted(SCOPES)),
        }
        reply = self._patiently("POST", self.platform.token_url, {}, PATIENT, data=form)
        try:
            reply.raise_for_status()
            token = _Token.model_validate_json(reply.content)
        except (requests.HTTPError, ValidationError) as error:
            raise PlatformAway(
                f"The platform {self.platform.issuer} gives us no token ({reply.status_code}). The operator "
                f"must see that our client id and public key are registered there.{_apart(reply)}"
            ) from error
        if token.token_type.lower() != "bearer" or (token.scope is not None and not _enough(token.scope)):
            raise PlatformAway(
                f"The platform {self.platform.issuer} gives us a token that is not good for grades: somebody "
                "must allow us to manage line items and scores there."
            )
        return token.access_token

    def _assertion(self) -> str:
        """Who we are, signed: RFC 7523, as LTI's security framework asks for it."""
        key, now, platform = load_key(self.platform.key), int(time.time()), self.platform
        claims = {
            "iss": platform.client_id,
            "sub": platform.client_id,
            "aud": platform.audience or platform.token_url,
            "iat": now - _GOOD_BEFORE_SECONDS,
            "exp": now + _GOOD_SECONDS,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": public_jwk(key)["kid"]})

    def _patiently(
        self, method: str, url: str, headers: Mapping[str, str], pauses: Sequence[float], **content: Any
    ) -> requests.Response:
        for pause in (*pauses, None):
            wish: float = 0
            try:
                reply = self._once(method, url, headers, **content)
                if reply.status_code not in _TRY_AGAIN:
                    return reply
                said, wish = f"it answers {reply.status_code}", _wish(reply)
            except requests.RequestException as error:
                said = type(error).__name__
            if pause is None or wish > _LONGEST_PAUSE:
                raise PlatformAway(f"The platform {self.platform.issuer} can't be used now ({said}).")
            self._pause(max(pause, wish))
        raise AssertionError("the last pause is None")

    def _once(self, method: str, url: str, headers: Mapping[str, str], **content: Any) -> requests.Response:
        if self._token is not None:
            headers = {**headers, "Authorization": f"Bearer {self._token}"}
        with requests.Session() as session:
            session.trust_env = False  # no .netrc that would replace the token
            return session.request(
                method,
                url,
                headers=headers,
                timeout=(5, 20),
                allow_redirects=False,
                verify=str(self.platform.authority) if self.platform.authority else True,
                proxies=get_environ_proxies(url),
                **content,
            )


def same_place(one: str, other: str) -> bool:
    """Whether both addresses lead to the same server, so that a token for one may be shown to the other."""
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _apart(reply: requests.Response) -> str:
    """A sentence on clocks, where the platform's is far from ours."""
    try:
        theirs = parsedate_to_datetime(reply.headers["Date"])
    except (KeyError, ValueError):
        return ""
    ahead = (utc_now() - in_utc(theirs)).total_seconds()
    if abs(ahead) < _SECONDS_APART:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return (
        f" Our clock is {abs(ahead):.0f} s {way} the platform's, which is reason enough: set it right first."
    )


def _enough(scope: str) -> bool:
    """Whether scores can be sent; reading results is only wanted when there is a doubt."""
    return {f"{_SCOPE}lineitem", f"{_SCOPE}score"} <= set(scope.split())


def _wish(reply: requests.Response) -> float:
    """How many seconds the platform wants to be left alone; 0 where it says nothing that we understand."""
    said = reply.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() else 0
