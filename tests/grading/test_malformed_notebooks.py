"""Notebooks that no program writes: refused in words when they are handed in, or graded like any other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hpcampus_grading.nbgrader_settings import configure
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from tests.grading.conftest import Service, StubHub
from tests.grading.test_odd_notebooks import FULL, answered, lesson
from tests.grading.test_parity import grade, settings
from tests.grading.test_service import SUBMIT, archive

Notebook = dict[str, Any]
Change = Callable[[Notebook], object]
TEXT_CELL = {"cell_type": "markdown", "metadata": {}, "source": "x"}
STREAM = {"output_type": "stream", "name": "stdout"}


def cell(index: int = 1, **values: Any) -> Change:
    return lambda notebook: notebook["cells"][index].update(values)


def in_metadata(index: int | None = None, **values: Any) -> Change:
    def change(notebook: Notebook) -> None:
        where = notebook if index is None else notebook["cells"][index]
        where["metadata"].update(values)

    return change


def added(count: int, one: Any) -> Change:
    return lambda notebook: notebook["cells"].extend([one] * count)


def same_ids(notebook: Notebook) -> None:
    for one in notebook["cells"]:
        one["id"] = "same"


def without(index: int, name: str) -> Change:
    return lambda notebook: notebook["cells"][index].pop(name)


REFUSED: dict[str, tuple[Change, str]] = {
    "a number for an id": (cell(id=5), "cells.1.id"),
    "null for an id": (cell(id=None), "cells.1.id"),
    "an id that is no name": (cell(id="a b/<script>"), "cells.1.id"),
    "an id that is long": (cell(id="x" * 65), "cells.1.id"),
    "a number for outputs": (cell(outputs=5), "cells.1.outputs"),
    "an object for outputs": (cell(outputs={"a": 1}), "cells.1.outputs"),
    "null for outputs": (cell(2, outputs=None), "cells.2.outputs"),
    "a number for an output": (cell(outputs=[5]), "cells.1.outputs.0"),
    "a list for an output": (cell(outputs=[[["a"]]]), "cells.1.outputs.0"),
    "lists for a stream's text": (cell(outputs=[{**STREAM, "text": [["a"]]}]), "cells.1.outputs.0.text"),
    "a list for an output's data": (cell(outputs=[{"data": [1]}]), "cells.1.outputs.0.data"),
    "a number for a cell's metadata": (cell(metadata=5), "cells.1.metadata"),
    "a list for the metadata": (lambda notebook: notebook.update(metadata=[]), "metadata"),
    "a number for a source": (cell(source=5), "cells.1.source"),
    "lists for a source": (cell(source=[["a"]]), "cells.1.source"),
    "no source": (without(1, "source"), "cells.1.source"),
    "a number for a cell": (added(1, 5), "cells.6"),
    "an object for the cells": (lambda notebook: notebook.update(cells={"a": 1}), "cells"),
    "a number for attachments": (cell(5, attachments=5), "cells.5.attachments"),
    "a number for an attachment": (cell(5, attachments={"a": 5}), "cells.5.attachments.a"),
    "a number for tags": (in_metadata(1, tags=5), "cells.1.metadata.tags"),
    "a number for a cell's name": (in_metadata(1, name=5), "cells.1.metadata.name"),
    "a number for Jupyter's own": (in_metadata(1, jupyter=5), "cells.1.metadata.jupyter"),
    "a list for a format": (in_metadata(1, format=[1]), "cells.1.metadata.format"),
    "a number for the language": (in_metadata(language_info=5), "metadata.language_info"),
    "a number for the editor's mode": (
        in_metadata(language_info={"name": "python", "codemirror_mode": 5}),
        "metadata.language_info.codemirror_mode",
    ),
    "a number for the authors": (in_metadata(authors=5), "metadata.authors"),
    "a number for the title": (in_metadata(title=5), "metadata.title"),
    "100,000 cells": (added(100_000, TEXT_CELL), "more than 5000 cells"),
}
GRADED: dict[str, Change] = {
    "the same id everywhere": same_ids,
    "no outputs": without(1, "outputs"),
    "an output of no type": cell(outputs=[{}]),
    "numbers for an output's data": cell(
        outputs=[{"output_type": "display_data", "data": {"text/plain": 5}}]
    ),
    "a word for the count": cell(execution_count="x"),
    "a number for the kernel": in_metadata(kernelspec=5),
    "a number for our own": in_metadata(hpcampus=5),
    "a number for the widgets": in_metadata(widgets=5),
    "a list for nbgrader's name": lambda notebook: notebook["cells"][2]["metadata"].update(
        nbgrader={"grade_id": ["one"], "schema_version": [3]}
    ),
    "a format of the future": lambda notebook: notebook.update(nbformat_minor=10**30),
    "what isn't a number": in_metadata(1, x=float("nan")),
    "many cells": added(1000, TEXT_CELL),
}


def content(change: Change, notebook: str) -> bytes:
    changed = json.loads(notebook)
    change(changed)
    return json.dumps(changed).encode()


def test_what_cannot_be_graded_is_refused_in_words(service: Service, hub: StubHub) -> None:
    ada, whole = hub.add("ada", "sums"), nbformat.writes(lesson())
    for name, (change, words) in REFUSED.items():
        reply = service.request("POST", SUBMIT, ada, data=archive(lesson1=content(change, whole)))
        said = reply.json()["detail"]
        assert (reply.status_code, words in said, "lesson1.ipynb" in said) == (422, True, True), (name, said)
        assert "try again" in said, name
    assert service.request("GET", "submissions", ada).json() == []


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float | None]:
    course = Path(tmp_path_factory.mktemp("malformed"), "course")
    (course / "source/a1").mkdir(parents=True)
    nbformat.write(lesson(), course / "source/a1/a1.ipynb")
    config = settings(course)
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    notebook = nbformat.read(course / "release/a1/a1.ipynb", as_version=4)
    answered(notebook.cells)
    whole = nbformat.writes(notebook)
    for number, change in enumerate(GRADED.values()):
        place = course / f"submitted/learner{number}/a1"
        place.mkdir(parents=True)
        (place / "a1.ipynb").write_bytes(content(change, whole))
    configure(config, {}, here=course)
    return dict(grade(config, "autograded"))


@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GRADED)
def test_what_grading_does_not_need_costs_nothing(
    scores: dict[tuple[str, str], float | None], name: str
) -> None:
    learner = f"learner{list(GRADED).index(name)}"
    assert {cell: score for (who, cell), score in scores.items() if who == learner} == FULL
