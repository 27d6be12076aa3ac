"""Grades at a learning platform: whom it believes, whom we believe, and what nobody else gets to see."""

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from certipy import Certipy
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from hpcampus_grading.commands.gradebook import gradebook
from hpcampus_grading.lti.connection import PlatformAway
from hpcampus_grading.lti.keys import load_key, public_jwk
from hpcampus_grading.lti.settings import NotSetUp
from learning_platform import ISSUER, Platform, Reply, served
from pydantic import ValidationError
from sent_grades import Class, key, key_pem, more_environment, platform, settings, sums

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer

__all__ = ["key", "key_pem", "more_environment", "platform", "sums"]


def test_a_token_that_ends_is_renewed(sums: Class) -> None:
    sums.grade("ada", 3)
    asked = sums.platform.serve

    def forgetting(*request: Any) -> Reply:
        if request[0] == "POST" and len(sums.platform.tokens) == 1:
            sums.platform.tokens.update({token: (0, frozenset()) for token in sums.platform.tokens})
        return asked(*request)

    sums.platform.serve = forgetting  # type: ignore[method-assign]
    assert len(sums.send().sent) == 1
    assert len(sums.platform.tokens) == 2


def a_day_ago(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "iat": claims["iat"] - 86400, "exp": claims["exp"] - 86400}


FORGERIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "expired": a_day_ago,
    "for another": lambda claims: {**claims, "aud": "https://elsewhere.example/token"},
    "about another": lambda claims: {**claims, "sub": "another tool"},
    "seen before": lambda claims: {**claims, "jti": "the same"},
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_the_platform_of_these_tests_refuses_wrong_assertions(
    sums: Class, monkeypatch: pytest.MonkeyPatch, forge: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    sums.grade("ada", 3)
    encode = jwt.encode
    monkeypatch.setattr(jwt, "encode", lambda claims, *more, **named: encode(forge(claims), *more, **named))
    sums.platform._seen.add("the same")
    with pytest.raises(PlatformAway, match="gives us no token"):
        sums.send()
    assert (len(sums.platform.refusals), sums.platform.tokens, sums.there()) == (1, {}, {})


def test_a_key_that_is_not_published_gets_nothing(sums: Class, key: Path) -> None:
    sums.grade("ada", 3)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    published = public_jwk(other)
    sums.platform.our_keys = lambda: {"keys": [published]}
    with pytest.raises(PlatformAway, match="public key"):
        sums.send()
    # The same name on another key: the signature doesn't fit.
    sums.platform.our_keys = lambda: {"keys": [{**published, "kid": public_jwk(load_key(key))["kid"]}]}
    with pytest.raises(PlatformAway, match="public key"):
        sums.send()
    assert "InvalidSignatureError" in sums.platform.refusals[1]


def test_a_token_without_the_right_is_not_used(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.platform.rights = ("lineitem",)
    with pytest.raises(PlatformAway, match="somebody must allow us"):
        sums.send()
    assert sums.platform.asked == ["POST /token"]


def test_no_token_is_shown_to_another_server(sums: Class) -> None:
    elsewhere = "https://elsewhere.example/lineitems/1/lineitem"
    sums.platform.items.append({"id": elsewhere, "tag": "hpcampus", "resourceId": "sums/lesson1"})
    sums.grade("ada", 3)
    with pytest.raises(PlatformAway, match="another server"):
        sums.send()


def test_it_works_over_tls_and_believes_no_other_authority(sums: Class, key: Path, tmp_path: Path) -> None:
    certipy = Certipy(store_dir=str(tmp_path / "tls"))
    for name in ("platform-ca", "another-ca"):
        certipy.create_ca(name)
    certipy.create_signed_pair("platform", "platform-ca", alt_names=["IP:127.0.0.1"])
    folder = tmp_path / "tls"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "platform" / "platform.crt", folder / "platform" / "platform.key")
    published = Platform({"u-ada"}, lambda: {"keys": [public_jwk(load_key(key))]})
    sums.grade("ada", 3)
    with served(published, context) as secure:
        assert secure.token_url.startswith("https:")
        wrong = {"authority": str(folder / "another-ca" / "another-ca.crt")}
        with pytest.raises(PlatformAway, match="SSLError"):
            sums.send(lti=settings(secure, key, registered=wrong))
        right = {"authority": str(folder / "platform-ca" / "platform-ca.crt")}
        assert len(sums.send(lti=settings(secure, key, registered=right)).sent) == 1
    assert [score["userId"] for score in secure.taken] == ["u-ada"]


def test_a_key_that_others_can_read_is_not_used(sums: Class, key: Path) -> None:
    sums.grade("ada", 3)
    key.chmod(0o640)
    with pytest.raises(NotSetUp, match="chmod 600"):
        sums.send()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("user,lti\nada,1\n", "must begin with"),
        ("hub,lti\nada,1\nada,2\n", "was there before"),
        ("hub,lti\nada,1\nben,1\n", "was there before"),
        ("hub,lti\nada\n", "incomplete"),
    ],
)
def test_a_list_of_people_with_a_doubt_sends_nothing(sums: Class, key: Path, table: str, said: str) -> None:
    sums.grade("ada", 3)
    lti = settings(sums.platform, key)
    key.with_name("people.csv").write_text(table)
    with pytest.raises(NotSetUp, match=said):
        sums.send(lti=lti)


def test_people_who_log_in_by_lti_have_one_name(sums: Class, key: Path) -> None:
    sums.platform.members = {"ada"}
    sums.grade("ada", 3)
    sums.send(lti=settings(sums.platform, key, people="same-names"))
    assert sums.there() == {"ada": (3, "FullyGraded")}


@pytest.mark.parametrize(
    "url", ["http://lms.example/token", "ftp://lms.example", "https://a:b@lms.example/x"]
)
def test_grades_never_travel_in_the_clear(platform: Platform, key: Path, url: str) -> None:
    with pytest.raises(ValidationError):
        settings(platform, key, line_items=url)


def test_an_instructor_sends_through_the_exchange(
    service: Service, hub: StubHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is the exchange's: an instructor has only the right to ask."""
    ada, ines = hub.add("ada", "sums"), hub.add("ines", "sums-instructors")
    identifier = service.request("POST", SUBMIT, ada, data=answer()).json()["id"]
    grade = {"submission": identifier, "score": 2, "max_score": 3}
    grades = "courses/sums/assignments/lesson1/grades"
    service.request("PUT", grades, ines, json={"reason": "graded", "grades": [grade]})
    assert service.request("POST", f"{grades}/send", ada, json={}).status_code == 403
    monkeypatch.setenv("CAMPUS_EXCHANGE_URL", service.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", ines)
    first = CliRunner().invoke(gradebook, ["send", "sums", "lesson1"])
    assert (first.exit_code, first.output.splitlines()) == (
        0,
        ["ada: 2 of 3", f"1 sent to {ISSUER}, 0 are there already, 0 not sent."],
    )
    second = CliRunner().invoke(gradebook, ["send", "sums", "lesson1"])
    assert second.output == f"0 sent to {ISSUER}, 1 are there already, 0 not sent.\n"
    sign = {"notebook": "lesson1", "cell": "total-test", "kind": "canary", "evidence": "assert 3 == 4"}
    body = {"reason": "graded", "grades": [{**grade, "score": 0, "flags": [sign]}]}
    service.request("PUT", grades, ines, json=body)
    third = CliRunner().invoke(gradebook, ["send", "sums", "lesson1"])
    assert (third.exit_code, third.output.splitlines()) == (
        1,
        [
            "ada: not sent, nobody has decided about a flag yet: see campus flags sums",
            f"0 sent to {ISSUER}, 0 are there already, 1 not sent.",
        ],
    )
    (key,) = service.request("GET", "lti/keys").json()["keys"]
    assert set(key) == {"e", "n", "kty", "kid", "alg", "use"}
    assert "PRIVATE" not in json.dumps(key)
