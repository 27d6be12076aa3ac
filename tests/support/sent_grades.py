"""A class whose grades are sent to a learning platform of our own, as fixtures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hpcampus_courses import Assignment
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.grades import Grades
from hpcampus_grading.ledger import Ledger, Upload
from hpcampus_grading.lti.keys import load_key, public_jwk
from hpcampus_grading.lti.messages import SendReport, SendWish
from hpcampus_grading.lti.sending import GradeSender
from hpcampus_grading.lti.settings import Lti
from hpcampus_grading.messages import Grade
from hpcampus_grading.store import Store
from learning_platform import CLIENT, ISSUER, Platform, served

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LESSON = Assignment(slug="lesson1", title="Sums", points=3, due=NOON)


@pytest.fixture(scope="session")
def key_pem() -> bytes:
    """A key that was made by another program would look the same."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def key(tmp_path: Path, key_pem: bytes) -> Path:
    file = tmp_path / "platform.pem"
    file.touch(mode=0o600)
    file.write_bytes(key_pem)
    return file


@pytest.fixture
def platform(key: Path) -> Iterator[Platform]:
    published = Platform({"u-ada", "u-ben", "u-cleo"}, lambda: {"keys": [public_jwk(load_key(key))]})
    with served(published) as platform:
        yield platform


@pytest.fixture
def more_environment(platform: Platform, key: Path) -> dict[str, str]:
    return {"CAMPUS_LTI": settings(platform, key).model_dump_json()}


def settings(platform: Platform, key: Path, **more: Any) -> Lti:
    """That platform for the course `sums`."""
    people = key.with_name("people.csv")
    people.write_text("hub,lti\nada,u-ada\nben,u-ben\ncleo,u-cleo\n")
    registered = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "token_url": platform.token_url,
        "key": str(key),
        **more.pop("registered", {}),
    }
    course = {"platform": "here", "line_items": platform.line_items, "people": str(people), **more}
    return Lti.model_validate({"platforms": {"here": registered}, "courses": {"sums": course}})


@dataclass
class Class:
    """A class whose grades are sent."""

    database: Database
    platform: Platform
    lti: Lti
    submissions: dict[str, str]
    pauses: list[float] = field(default_factory=list)
    now: datetime = NOON

    def grade(self, learner: str, score: float, **more: Any) -> None:
        """Give somebody points, a minute after what happened before."""
        self.now += timedelta(minutes=1)
        grade = Grade(submission=self.submissions[learner], score=score, max_score=3, **more)
        Grades(self.database, clock=lambda: self.now).record("sums", "lesson1", [grade], "ines", "graded")

    def send(self, *, lti: Lti | None = None, seconds: float = 20, **wish: Any) -> SendReport:
        """Send as ines."""
        sender = GradeSender(
            self.database, lti or self.lti, lambda: self.now, pause=self.pauses.append, seconds=seconds
        )
        return sender.send("sums", LESSON, SendWish(**wish), "ines")

    def there(self) -> dict[str, tuple[float, str]]:
        """What the platform has."""
        return {
            user: (score["scoreGiven"], score["gradingProgress"])
            for (_, user), score in self.platform.scores.items()
        }


@pytest.fixture
def sums(database_url: str, tmp_path: Path, platform: Platform, key: Path) -> Iterator[Class]:
    database = open_database(database_url)
    ledger = Ledger(database, Store(tmp_path / "store"), clock=lambda: NOON)
    submissions = {}
    for learner in ("ada", "ben", "cleo"):
        with ledger.store.incoming() as file:
            file.write(learner.encode())
            submissions[learner] = ledger.submit("sums", LESSON, learner, Upload(file, 3, ()))[0].id
    yield Class(database, platform, settings(platform, key), submissions)
    database.close()
