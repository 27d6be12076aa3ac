"""What learners' code can't do, tried for real, and what it costs the rest of their notebook."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hpcampus_grading.sandbox.answers import Answer, Failure, as_notebook_output
from hpcampus_grading.sandbox.cells import Cell, Outcome, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.keeping import end_warm_parent
from hpcampus_grading.sandbox.plan import Plan, RunLimits
from hpcampus_grading.sandbox.surroundings import SandboxUnavailable

pytestmark = pytest.mark.sandbox


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "helper.py").write_text("answer = 42\n")
    (folder / "lesson1.ipynb").write_text("the notebook holds hidden tests by now")
    return folder


def run(submission: Path, *sources: str | Cell, **limits: Any) -> list[Outcome]:
    """Run cells with a submission's files."""
    cells = [source if isinstance(source, Cell) else Cell(source) for source in sources]
    with copy_for_sandbox(submission) as files:
        return run_cells(cells, Plan(files=files, limits=RunLimits(**limits)))


def text(outcome: Outcome) -> str:
    """Everything that a cell printed or showed, and its error's name and message."""
    parts = []
    for output in outcome.outputs:
        fields = as_notebook_output(output)
        parts.append(
            fields.get("text") or fields.get("data", {}).get("text/plain") or fields.get("evalue") or ""
        )
    return "\n".join(parts)


def error(outcome: Outcome) -> str | None:
    """The name of a cell's error."""
    names = [output.ename for output in outcome.outputs if isinstance(output, Failure)]
    return names[0] if names else None


def test_honest_cells(submission: Path) -> None:
    outcomes = run(
        submission,
        "import helper\nhelper.answer",
        "print('a'); import sys; print('b', file=sys.stderr)",
        "import warnings; warnings.warn('grid too small')",
        "1 / 0",
        "import os; os.system('echo from a program')",
        "helper.answer += 1; helper.answer",
        "",
    )
    assert [text(outcome) for outcome in outcomes[:2]] == ["42", "a\nb\n"]
    assert "grid too small" in text(outcomes[2])
    assert {output.output_type for output in outcomes[2].outputs} == {"stream"}
    assert error(outcomes[3]) == "ZeroDivisionError"
    assert "from a program" in text(outcomes[4])
    assert text(outcomes[5]) == "43"
    assert outcomes[6] == Outcome(())


def test_the_world_is_empty(submission: Path, tmp_path: Path) -> None:
    secrets = [tmp_path / "gradebook.db", submission / "lesson1.ipynb", Path(__file__)]
    secrets[0].write_text("scores")
    courses = Path(__file__).parents[2] / "courses"
    outcomes = run(
        submission,
        "import os, pathlib, socket",
        f"[p for p in {[str(path) for path in (*secrets, courses, Path.home())]} if os.path.exists(p)]",
        "sorted(os.listdir('/home')), sorted(os.listdir('.')), sorted(os.listdir('/tmp'))",
        "[name for name in os.environ if 'JUPYTERHUB' in name or 'CAMPUS' in name]",
        "[p for p in os.listdir('/proc') if p.isdecimal()].__len__() < 5",
        "socket.getaddrinfo('example.org', 80)",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.1', 53))",
        "[d for d in ('/', '/usr', '/etc', '/dev', '/campus', '/campus/files') if os.access(d, os.W_OK)]",
        "pathlib.Path('/new').touch()",
        "import subprocess; subprocess.run(['unshare', '-U', 'true']).returncode",
    )
    found = [text(outcome) for outcome in outcomes]
    assert found[1:5] == ["[]", "(['learner'], ['helper.py'], ['.output', 'ipython'])", "[]", "True"]
    assert (error(outcomes[5]), error(outcomes[6])) == ("gaierror", "OSError")
    assert found[7] == "[]"
    assert error(outcomes[8]) == "OSError"
    assert text(outcomes[9]).startswith("1\n")  # no namespaces within the sandbox


def test_an_endless_loop_costs_its_cell_only(submission: Path) -> None:
    outcomes = run(submission, "while True: pass", "print('still here')", cell_seconds=1)
    assert error(outcomes[0]) == "CellTimeoutError"
    assert "more than 1 seconds" in text(outcomes[0])
    assert text(outcomes[1]) == "still here\n"


def test_a_loop_that_will_not_stop_costs_its_cell_only(submission: Path) -> None:
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException: pass"
    outcomes = run(
        submission, "kept = 'kept'", stubborn, "print(kept, In[1])", cell_seconds=1, grace_seconds=1
    )
    assert error(outcomes[1]) == "NotebookEnded"
    assert "could not be stopped in time" in text(outcomes[1])
    assert text(outcomes[2]) == "kept kept = 'kept'\n"
    assert [outcome.execution_count for outcome in outcomes] == [1, None, 3]


@pytest.mark.parametrize(
    "deadly",
    [
        "import os; os._exit(0)",
        "import ctypes; ctypes.string_at(0)",
        "import os; os.abort()",
    ],
)
def test_a_process_that_ends_itself_costs_its_cell_only(submission: Path, deadly: str) -> None:
    outcomes = run(submission, "open('made', 'w').close()", deadly, "import os; os.listdir('.')")
    assert [error(outcome) for outcome in outcomes] == [None, "NotebookEnded", None]
    assert "made" in text(outcomes[2])


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSTOP"])
def test_a_signal_to_itself_costs_nothing(submission: Path, name: str) -> None:
    """The kernel keeps the first process of a namespace from those within."""
    send = f"import os, signal; os.kill(os.getpid(), signal.{name}); os.killpg(0, signal.{name})"
    outcomes = run(submission, "kept = 'kept'", send, "print(kept)")
    assert [error(outcome) for outcome in outcomes] == [None] * 3
    assert text(outcomes[2]) == "kept\n"


def test_a_notebook_is_not_started_again_for_ever(submission: Path) -> None:
    outcomes = run(submission, *["import os; os._exit(0)"] * 13)
    assert [error(outcome) for outcome in outcomes] == ["NotebookEnded"] * 11 + ["NotRun"] * 2
    assert "ended it 10 times" in text(outcomes[12])


def test_the_whole_notebook_has_a_limit(submission: Path) -> None:
    outcomes = run(submission, *["import time; time.sleep(60)"] * 3, total_seconds=1)
    assert [error(outcome) for outcome in outcomes] == ["CellTimeoutError", "NotRun", "NotRun"]
    assert "used up its 1 seconds" in text(outcomes[1])


def test_a_fork_bomb_hits_its_limit(submission: Path) -> None:
    bomb = "import os\nfor n in range(500):\n    if os.fork() == 0:\n        import time; time.sleep(600)"
    outcomes = run(submission, bomb, processes=60, cell_seconds=20)
    assert error(outcomes[0]) == "BlockingIOError"
    assert text(run(submission, "print('the next learner')")[0]) == "the next learner\n"


def test_nothing_is_left_behind(submission: Path) -> None:
    name = f"left-behind-{os.getpid()}"
    command = f"['python3', '-c', 'import time; time.sleep(600)', '{name}']"
    run(submission, f"import subprocess; child = subprocess.Popen({command}, start_new_session=True)")
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not any(name.encode() in line for line in running)


def test_too_much_memory(submission: Path) -> None:
    outcomes = run(submission, "x = bytearray(1 << 30)", "print('fine')", memory_mib=512)
    assert (error(outcomes[0]), text(outcomes[1])) == ("MemoryError", "fine\n")


def test_a_full_disk_is_its_own(submission: Path) -> None:
    fill = "for n in range(99): open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))"
    assert error(run(submission, fill, disk_mib=16)[0]) == "OSError"


def test_output_without_end_is_cut(submission: Path) -> None:
    bomb = "for _ in range(200_000): print('x' * 1000)"
    outcomes = run(submission, bomb, "print('fine')", output_kib=64)
    assert 60_000 < len(text(outcomes[0])) < 70_000
    assert "too long and is left out" in text(outcomes[0])
    assert text(outcomes[1]) == "fine\n"


def test_writing_into_the_graders_channel_ends_the_notebook(submission: Path) -> None:
    line = '{"nonce": "0", "execution_count": 1, "outputs": []}'
    forge = (
        f"import os\nfor fd in range(3, 30):\n    try: os.write(fd, b'{line}\\n')\n    except OSError: pass"
    )
    outcomes = run(submission, forge, "print('the rest')")
    assert (outcomes[0].signs[0][0], text(outcomes[1])) == ("channel", "the rest\n")
    assert error(outcomes[0]) == "NotebookEnded"
    assert "channel that only the grader uses" in text(outcomes[0])


def test_a_flood_in_the_graders_channel_ends_the_notebook(submission: Path) -> None:
    flood = (
        "import os\nfor fd in range(3, 30):\n"
        "    try:\n        while True: os.write(fd, b'x' * 65536)\n    except OSError: pass"
    )
    assert error(run(submission, flood, output_kib=16)[0]) == "NotebookEnded"


def test_what_a_browser_would_run_is_dropped() -> None:
    answer = Answer.model_validate(
        {
            "nonce": "n",
            "execution_count": 1,
            "outputs": (
                {"output_type": "stream", "name": "stdout", "text": "t", "evil": 1},
                {
                    "output_type": "display_data",
                    "metadata": {"x": "<script>"},
                    "data": {
                        "text/plain": "p",
                        "text/html": "<script>alert(1)</script>",
                        "image/svg+xml": "<svg onload=alert(1)>",
                        "text/markdown": "<script>",
                        "application/javascript": "alert(1)",
                        "image/png": '"><script>',
                        "image/jpeg": "aGVsbG8=\n",
                    },
                },
            ),
        }
    )
    assert as_notebook_output(answer.outputs[0]) == {"output_type": "stream", "name": "stdout", "text": "t"}
    assert as_notebook_output(answer.outputs[1]) == {
        "output_type": "display_data",
        "data": {"text/plain": "p", "image/jpeg": "aGVsbG8=\n"},
        "metadata": {},
    }


def test_without_bubblewrap_nothing_is_run(submission: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_warm_parent()
    monkeypatch.setenv("PATH", str(submission))
    with pytest.raises(SandboxUnavailable, match="Nothing was graded: bubblewrap is not installed"):
        run(submission, "print(1)")


def test_with_a_bubblewrap_that_fails_nothing_is_run(
    submission: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_warm_parent()
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    for path in (tmp_path, *tmp_path.parents[:2], broken):
        path.chmod(path.stat().st_mode | 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SandboxUnavailable, match="No permissions to create new namespace"):
        run(submission, "print(1)")


def test_a_missing_library_is_named(submission: Path) -> None:
    plan = Plan(files=submission, libraries=("no_such_library",))
    with pytest.raises(SandboxUnavailable, match="needs the library 'no_such_library'"):
        run_cells([Cell("print(1)")], plan)


@pytest.mark.root
def test_it_works_for_an_ordinary_user_too(submission: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from hpcampus_grading.sandbox.cells import Cell, run_cells\n"
        "from hpcampus_grading.sandbox.plan import Plan\n"
        "print(run_cells([Cell('6 * 7')], Plan(files=Path(sys.argv[1])))[0].outputs[0].data)"
    )
    with copy_for_sandbox(submission) as files:
        done = subprocess.run(
            [sys.executable, "-c", program, str(files)],
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("{'text/plain': '42'}\n", "")
