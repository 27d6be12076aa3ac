"""Keeps what nbgrader makes anew for every step of every submission, while many are graded.

- Its gradebook is opened a dozen times a submission: each time SQLAlchemy connects, looks for the tables and
  translates every query anew. Here it stays open, and each opening is a new session.
- A step writes each cell's points to the disk before it looks at the next. Here all that the steps of a
  submission write reaches the disk together, before its files are given their permissions: all of it, or,
  where a step failed on the gradebook, none.
- A step asks for a notebook's cells one by one, and for their points and comments. Here the first question
  reads them all, and those of the assignment are read once: nobody changes it meanwhile.
- A notebook is copied three times after it was read, before a step may change it, and once more before it is
  written, each value on a line of its own. Here nobody else has it, and it is written in one line.
- Each cell's metadata is checked against a schema that is read anew and checked first. Here that is done
  once, and once for cells that say the same, as those of an assignment do in everybody's notebook.
- The objects that do the steps are made for every submission. Here those of one converter do them all.
- Python's garbage collector walks again and again over all that the libraries made when they were imported.
  Here it leaves that alone.

What nbgrader reads, decides and writes is the same.
"""

import functools
import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from nbconvert.exporters import exporter
from nbformat import validator
from nbformat.v4 import nbjson
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter
from nbgrader.nbgraderformat import common

from hpcampus_grading.open_gradebook import OpenGradebook

# Every module that opens the gradebook while it grades or makes feedback.
_USERS = (
    "nbgrader.converters.autograde",
    "nbgrader.preprocessors.overwritekernelspec",
    "nbgrader.preprocessors.overwritecells",
    "nbgrader.preprocessors.saveautogrades",
    "nbgrader.preprocessors.latesubmissions",
    "nbgrader.preprocessors.getgrades",
    "hpcampus_grading.repairing",
    # It writes, too: on another connection it would wait for what is not yet on the disk.
    "hpcampus_grading.others_work",
    "hpcampus_grading.batch.one",
)


@contextmanager
def warm_nbgrader(*, scratch: bool = False) -> Iterator[None]:
    """Within the block nbgrader's steps find things as they left them; then all is closed and as before.

    A gradebook for `scratch` needn't survive: nobody waits until it is on the disk.
    """
    with ExitStack() as things:
        things.enter_context(one_gradebook(scratch))
        for change in _less_work():
            things.enter_context(change)
        things.callback(gc.unfreeze)
        gc.freeze()
        yield


@contextmanager
def one_gradebook(scratch: bool) -> Iterator[None]:
    """Within the block a gradebook is opened once; all that is written is kept, or after an error nothing."""
    opened: dict[str, OpenGradebook] = {}

    def open_gradebook(db_url: str, course_id: str = "default_course") -> OpenGradebook:
        if db_url not in opened:
            opened[db_url] = OpenGradebook(db_url, course_id, scratch=scratch)
        return opened[db_url].of_course(course_id)

    def keep() -> None:
        for gradebook in opened.values():
            gradebook.close()

    with ExitStack() as things:
        things.callback(lambda: [Gradebook.close(gradebook) for gradebook in opened.values()])
        for change in _same_gradebook(open_gradebook, keep):
            things.enter_context(change)
        yield
        keep()


def _same_gradebook(open_gradebook: Callable[..., Any], keep: Callable[[], None]) -> Iterator[Any]:
    """Have it opened so, and what was written kept between submissions."""
    for name in _USERS:
        yield patch(f"{name}.Gradebook", open_gradebook)
    yield patch("hpcampus_grading.repairing.known_cells", OpenGradebook.known_cells)
    # The first of a submission, the last, and all that follows one that failed.
    for step in ("init_destination", "set_permissions", "convert_notebooks"):
        yield patch.object(BaseConverter, step, _between(getattr(BaseConverter, step), keep))


def _less_work() -> Iterator[Any]:
    """Have no notebook copied, and nothing checked or made twice."""
    no_copy = SimpleNamespace(deepcopy=_itself)
    yield patch.object(exporter, "copy", no_copy)
    yield patch.object(validator, "deepcopy", _itself)
    yield patch.object(nbjson, "copy", no_copy)
    yield patch.object(nbjson, "json", SimpleNamespace(loads=json.loads, dumps=_in_a_line))
    yield patch.object(common, "jsonschema", SimpleNamespace(validate=_validate))
    yield patch.object(common.BaseMetadataValidator, "__init__", _with_schema(common.BaseMetadataValidator))
    yield patch.object(Autograde, "_init_preprocessors", _same_steps(Autograde._init_preprocessors))


def _itself(thing: Any) -> Any:
    return thing


def _in_a_line(notebook: Any, *, indent: int, separators: tuple[str, str], **how: Any) -> str:
    return json.dumps(notebook, **how)


def _with_schema(kind: Any) -> Callable[[Any], None]:
    """What makes a validator with its schema, made to read each schema once."""
    read, kept = kind.__init__, {}

    def prepare(validator: Any) -> None:
        if validator.schema_version not in kept:
            read(validator)
            kept[validator.schema_version] = validator.schema
        validator.schema = kept[validator.schema_version]

    return prepare


def _same_steps(make: Callable[[Any], None]) -> Callable[[Any], None]:
    """What makes a converter's steps before each half of its work, made to remember them."""

    def prepare(converter: Any) -> None:
        kept = vars(converter).setdefault("_kept_steps", {})
        if converter._sanitizing not in kept:
            make(converter)
            kept[converter._sanitizing] = converter.exporter._preprocessors
        converter.exporter._preprocessors = kept[converter._sanitizing]

    return prepare


def _between(step: Callable[..., Any], keep: Callable[[], None]) -> Callable[..., Any]:
    """A step of the converter's, with what was written kept before and after it."""

    @functools.wraps(step)
    def kept(*args: Any, **kwargs: Any) -> Any:
        keep()
        try:
            return step(*args, **kwargs)
        finally:
            keep()

    return kept


def _validate(instance: Any, schema: Mapping[str, Any]) -> None:
    """jsonschema's `validate`: raises its error."""
    texts = json.dumps(instance), json.dumps(schema)
    if not _is_valid(*texts):
        error = best_match(_validator(texts[1]).iter_errors(instance))
        assert error is not None
        raise error


@functools.lru_cache(maxsize=4096)
def _is_valid(instance: str, schema: str) -> bool:
    return bool(_validator(schema).is_valid(json.loads(instance)))


@functools.cache
def _validator(text: str) -> Any:
    schema = json.loads(text)
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)
