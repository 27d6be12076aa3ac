"""Answers to an assignment that a course keeps beside it: wrong ones, and right ones that differ.

In `answers/<assignment>/` the notebooks of `wrong/` and `alternatives/` hold only the cells that differ from
the instructor's solution, by nbgrader's name of the cell; a whole notebook does as well. `expected.yaml` says
of each what it must earn, and what a learner must be told.
"""

from collections.abc import Mapping
from pathlib import Path

from hpcampus_spawner.models import BadFile, Model, YamlModel
from pydantic import Field

from hpcampus_courses.model import Text
from hpcampus_courses.notebook import Notebook

EXPECTED_FILE = "expected.yaml"


class Expected(Model):
    """What becomes of one answer: the points that it loses, and words that a learner is told, by cell."""

    about: Text
    loses: Mapping[str, float] = Field(default_factory=dict)
    says: Mapping[str, Text] = Field(default_factory=dict)


class ExpectedAnswers(YamlModel):
    """`expected.yaml`: every answer by the name of its notebook.

    An alternative may lose points for how it does something (`loses`), such as traffic. `equivalent` has
    mutants of the solution that no test can tell from it, each with the reason.
    """

    wrong: Mapping[str, Expected] = Field(default_factory=dict)
    alternatives: Mapping[str, Expected] = Field(default_factory=dict)
    equivalent: Mapping[str, Text] = Field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "ExpectedAnswers":
        """Those of an assignment, whose answers are in that folder; without a file there are none."""
        path = folder / EXPECTED_FILE
        return cls.load(path) if path.is_file() else cls()

    def notebooks(self, folder: Path) -> dict[str, tuple[Expected, Notebook]]:
        """Each as `wrong/<name>` or `alternatives/<name>`; `BadFile` unless there is a file for each."""
        found = {}
        for kind, expected in (("wrong", self.wrong), ("alternatives", self.alternatives)):
            files = {path.stem for path in (folder / kind).glob("*.ipynb")}
            if differing := sorted(files ^ expected.keys()):
                raise BadFile(
                    f"{folder}: {', '.join(differing)} must be a notebook in {kind}/ and an entry of "
                    f"{kind} in {EXPECTED_FILE}, too"
                )
            for name, wanted in expected.items():
                notebook = Notebook.load(folder / kind / f"{name}.ipynb")
                found[f"{kind}/{name}"] = wanted, notebook
        return found
