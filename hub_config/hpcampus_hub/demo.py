"""The log-ins of a demo: random passwords, made once and kept where only the hub's owner can read them."""

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Dict


def demo_passwords(file: Path, people: Mapping[str, object]) -> dict[str, str]:
    """A password for each of the people, the same at every start."""
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    passwords = {name: known.get(name) or secrets.token_urlsafe(9) for name in people}
    if passwords != known:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            json.dump(passwords, handle)
    return passwords


class DemoAuthenticator(Authenticator):
    """Knows the people of the demo and nobody else."""

    passwords = Dict(help="The password of each person.").tag(config=True)

    async def authenticate(self, handler: Any, data: Mapping[str, str]) -> str | None:
        """The person's name when the password is theirs."""
        name = data["username"]
        expected = self.passwords.get(name, "")
        given = data["password"]
        if expected and hmac.compare_digest(expected.encode(), given.encode()):
            return name
        return None
