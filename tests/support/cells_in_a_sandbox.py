"""Runs cells in the sandbox and prints what came of it as JSON: `python cells_in_a_sandbox.py WISH`.

The wish is JSON as well: `files`, a folder; `sources`, the cells; `may_lack`.
"""

import json
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from hpcampus_grading.sandbox.answers import Answer, Failure
from hpcampus_grading.sandbox.channel import Question
from hpcampus_grading.sandbox.keeping import end_warm_parent
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.session import Session
from hpcampus_grading.sandbox.surroundings import SandboxUnavailable


def shown(answer: Answer) -> str:
    """The value or the error of a cell."""
    for output in answer.outputs:
        if isinstance(output, Failure):
            return output.ename
    return "".join(getattr(output, "data", {}).get("text/plain", "") for output in answer.outputs)


_asked: WeakKeyDictionary[Session, int] = WeakKeyDictionary()


def ask(session: Session, source: str) -> Answer:
    """What the next cell of a session leaves."""
    _asked[session] = count = _asked.get(session, 0) + 1
    return session.ask(Question(source, count), seconds=30)


def run(wish: dict[str, Any]) -> dict[str, Any]:
    """The layers that held and what the cells showed, or why nothing was run."""
    plan = Plan(files=Path(wish["files"]), may_lack=frozenset(wish["may_lack"]))
    try:
        with Session(plan) as session:
            held = sorted(layer.name for layer in session.layers if layer.holds)
            return {"held": held, "shown": [shown(ask(session, source)) for source in wish["sources"]]}
    except SandboxUnavailable as error:
        return {"refused": str(error)}
    finally:
        end_warm_parent()


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))  # noqa: T201
