"""The base of every model that is read from a file or a request: frozen, and strict about its keys."""

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class Model(BaseModel):
    """Facts that are checked once, at the edge, and never change afterwards. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BadFile(ValueError):
    """A file that can't be read as what it should be; the message names the file and every wrong field."""


class YamlModel(Model):
    """A model with a file of its own."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file; raises `BadFile` with one line for each thing that is wrong."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise BadFile(f"{path}: {error}") from error
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
            raise BadFile(f"{path}:\n  " + "\n  ".join(lines)) from error
