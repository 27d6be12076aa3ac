"""One warm parent for many notebooks: what it imports, when it is used again, and when it ends."""

import json
import os
import threading
from pathlib import Path

import pytest
from cells_in_a_sandbox import ask, shown
from hpcampus_grading.sandbox import keeping
from hpcampus_grading.sandbox.imports import imports_of
from hpcampus_grading.sandbox.keeping import end_warm_parent, warm_parent
from hpcampus_grading.sandbox.plan import Plan, RunLimits
from hpcampus_grading.sandbox.session import Session
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes


def notebook(path: Path, *sources: str) -> Path:
    """A notebook of code cells."""
    cells = [new_markdown_cell("import nothing"), *map(new_code_cell, sources)]
    path.write_text(writes(new_notebook(cells=cells)))
    return path


def test_what_a_course_imports(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        "%matplotlib inline\nimport numpy as np, json\n!ls\nfrom numba import cuda as c",
        "def f(:",
        "def f():\n    from os.path import *\n    from . import neighbour",
    )
    broken = tmp_path / "b.ipynb"
    broken.write_text("{}")
    names = ("numpy", "json", "numba", "numba.cuda", "os.path")
    assert imports_of([path, broken, tmp_path / "none.ipynb"]) == names


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    end_warm_parent()
    folder = tmp_path / "files"
    folder.mkdir()
    return Plan(files=folder)


@pytest.mark.sandbox
def test_the_next_notebook_finds_it_warm(plan: Plan) -> None:
    warm = plan.model_copy(update={"imports": ("sqlite3", "no_such_module", "antigravity.no")})
    with Session(warm) as session:
        assert shown(ask(session, "import sys\n'sqlite3' in sys.modules")) == "True"
    with warm_parent(warm) as first:
        pass
    with warm_parent(warm) as second:
        assert second is first
    with warm_parent(plan) as other:
        assert other is not first
    assert not first.lives


@pytest.mark.sandbox
def test_a_parent_that_died_is_replaced(plan: Plan) -> None:
    with warm_parent(plan) as first:
        process = first._process
    process.kill()
    process.wait()
    with Session(plan) as session:
        assert shown(ask(session, "6 * 7")) == "42"


@pytest.mark.sandbox
def test_it_ends_when_nobody_has_asked_for_a_while(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_IDLE_SECONDS", 0.01)
    with warm_parent(plan) as parent:
        process = parent._process
    assert process.wait(20) == 0


@pytest.mark.sandbox
def test_threads_share_none(plan: Plan) -> None:
    found = []

    def use() -> None:
        with warm_parent(plan) as parent:
            found.append(parent)
        end_warm_parent()

    with warm_parent(plan) as mine:
        other = threading.Thread(target=use)
        other.start()
        other.join()
    assert mine not in found


@pytest.mark.sandbox
def test_a_copy_of_this_process_starts_its_own(plan: Plan) -> None:
    with warm_parent(plan) as parent:
        mine = parent._process.pid
    reading, writing = os.pipe()
    if os.fork() == 0:
        with warm_parent(plan) as parent:
            os.write(writing, json.dumps(parent._process.pid).encode())
        end_warm_parent()
        os._exit(0)
    os.wait()
    assert json.loads(os.read(reading, 100)) != mine
    os.close(reading)
    os.close(writing)
    with Session(plan) as session:
        assert shown(ask(session, "6 * 7")) == "42"
    with warm_parent(plan) as parent:
        assert parent._process.pid == mine


@pytest.mark.sandbox
def test_nothing_that_a_cell_needs_was_used_up(plan: Plan) -> None:
    pytest.importorskip("numba")
    warm = plan.model_copy(update={"libraries": ("numpy", "numba"), "limits": RunLimits(memory_mib=1024)})
    cells = [
        "import numpy as np\nfrom numba import njit",
        "@njit\ndef f(x):\n    s = 0.0\n    for i in range(x.size): s += x[i]\n    return s",
        "f(np.ones(5))",
        "import asyncio\nawait asyncio.sleep(0, 'awaited')",
        "len(In), In[1][:6], len(Out)",
        "%matplotlib inline",
        "import multiprocessing\nmultiprocessing.Pool(2).map(abs, [-1, -2])",
        "import threading\nt = threading.Thread(target=print); t.start(); t.join()",
    ]
    with Session(warm) as session:
        answers = [shown(ask(session, cell)) for cell in cells]
    assert answers == ["", "", "5.0", "'awaited'", "(6, 'import', 2)", "", "[1, 2]", ""]
