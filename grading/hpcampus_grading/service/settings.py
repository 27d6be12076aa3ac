"""What the hub tells its service, read from the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from hpcampus_spawner.models import Model
from pydantic import AnyHttpUrl, Field, Json, SecretStr, StringConstraints

from hpcampus_grading.archive import Limits
from hpcampus_grading.lti.settings import Lti

_VARIABLES = {
    "url": "JUPYTERHUB_SERVICE_URL",
    "prefix": "JUPYTERHUB_SERVICE_PREFIX",
    "service": "JUPYTERHUB_SERVICE_NAME",
    "hub_api": "JUPYTERHUB_API_URL",
    "token": "JUPYTERHUB_API_TOKEN",
    "database": "CAMPUS_EXCHANGE_DB",
    "store": "CAMPUS_EXCHANGE_STORE",
    "courses": "CAMPUS_COURSES",
    "lti": "CAMPUS_LTI",
}


class Settings(Model):
    """Where to listen, whom to ask, where to keep things; nothing has a default that would open a door."""

    url: AnyHttpUrl
    prefix: Annotated[str, StringConstraints(pattern=r"^/.*/$")]
    service: Annotated[str, StringConstraints(min_length=1)]
    hub_api: AnyHttpUrl
    token: SecretStr
    database: str
    store: Path
    courses: Path
    limits: Limits = Limits()
    lti: Json[Lti] = Lti()
    # How long a token that was revoked may still work.
    token_cache_seconds: int = Field(default=5, ge=0, le=30)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; raises pydantic's ValidationError naming the ones that are missing or wrong."""
        present = {field: environment[name] for field, name in _VARIABLES.items() if name in environment}
        return cls.model_validate(present)
