"""Each layer of the sandbox holds when a learner's code tries it, and one that is missing is seen."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cells_in_a_sandbox
import lesser_kernel
import pytest
from cells_in_a_sandbox import ask, shown
from hpcampus_grading.sandbox.layers import PROMISES, Layer, refusal, unkept
from hpcampus_grading.sandbox.plan import Plan, RunLimits
from hpcampus_grading.sandbox.session import Session
from lesser_kernel import LANDLOCK, SECCOMP

CELLS, LESSER = str(cells_in_a_sandbox.__file__), str(lesser_kernel.__file__)
LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)"

pytestmark = pytest.mark.sandbox


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine\n")
    return Plan(files=folder)


def values(plan: Plan, *sources: str) -> list[str]:
    """What the cells of one session show."""
    with Session(plan) as session:
        return [shown(ask(session, source)) for source in sources]


def value(plan: Plan, source: str) -> str:
    """What a single cell shows."""
    return values(plan, source)[0]


def test_all_layers_hold_here(plan: Plan) -> None:
    with Session(plan) as session:
        assert {layer.name for layer in session.layers if layer.holds} == {
            name for names in PROMISES.values() for name in names
        }, session.layers


def test_only_own_folders_can_be_written(plan: Plan) -> None:
    tries = (
        "import os\n"
        "def can(path):\n"
        "    try: open(os.path.join(path, 'new'), 'w').close(); return True\n"
        "    except OSError: return False"
    )
    places = ["/", "/usr", "/etc", "/dev", "/proc", "/campus", "/campus/hpcampus_grading", sys.prefix]
    own = ["/tmp", "/home/learner", "/dev/shm"]
    assert values(plan, tries, f"[p for p in {places + own} if can(p)]")[1] == str(own)


def test_another_submission_left_nothing(plan: Plan, tmp_path: Path) -> None:
    leave = (
        "import os, socket, builtins\n"
        "for place in ('/tmp', '/home/learner', '/dev/shm'): open(place + '/left', 'w').write('secret')\n"
        "builtins.left = 'secret'\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + 'left'); s.listen()\n"
        "t = socket.create_server(('127.0.0.1', 4242))\n"
        "os.environ['LEFT'] = 'secret'"
    )
    look = (
        "import os, socket, builtins\n"
        "found = [p for p in ('/tmp', '/home/learner', '/dev/shm') if 'left' in os.listdir(p)]\n"
        "found += [n for n in ('left',) if hasattr(builtins, n)] + [n for n in os.environ if n == 'LEFT']\n"
        "for family, name in ((socket.AF_UNIX, chr(0) + 'left'), (socket.AF_INET, ('127.0.0.1', 4242))):\n"
        "    try: socket.socket(family).connect(name); found.append(name)\n"
        "    except OSError: pass\n"
        "found"
    )
    with Session(plan) as first, Session(plan) as second:
        assert shown(ask(first, leave)) == ""
        assert shown(ask(second, look)) == "[]"
        # Nor is anything kept in the parent for those who come later.
        assert shown(ask(first, "open('mine.txt').read()")) == r"'mine\n'"
    assert value(plan, look) == "[]"


def test_other_processes_can_be_neither_seen_nor_reached(plan: Plan) -> None:
    look = "import os\nsorted(int(n) for n in os.listdir('/proc') if n.isdecimal())"
    kill = f"import os, signal\nos.kill({os.getpid()}, signal.SIGTERM)"
    assert values(plan, look, kill) == ["[1]", "ProcessLookupError"]


def test_nothing_of_the_warm_parents_is_left_open(plan: Plan) -> None:
    """Only the channel, and what stands for a terminal."""
    look = (
        "import os\n"
        "kinds = {os.readlink(f'/proc/self/fd/{n}').partition(':')[0] for n in os.listdir('/proc/self/fd')"
        " if os.path.lexists(f'/proc/self/fd/{n}')}\n"
        "sorted(kinds)"
    )
    shown_twice = [values(plan, look)[0] for _ in range(2)]
    assert shown_twice == ["['/dev/null', '/tmp/.output', 'socket']"] * 2


def test_it_is_a_user_without_a_say_in_anything(plan: Plan) -> None:
    look = (
        "import os\n"
        "status = open('/proc/self/status').read()\n"
        "rights = [line.split()[1] for line in status.splitlines() if line.startswith('Cap')]\n"
        "os.getuid(), os.getgid(), rights"
    )
    nothing = ["0" * 16] * 5
    assert " ".join(value(plan, look).split()) == str((1000, 1000, nothing))


def test_no_way_to_other_machines(plan: Plan) -> None:
    tries = [
        "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)",
        "import socket\nsocket.socket(socket.AF_INET6, socket.SOCK_DGRAM).connect(('2001:db8::1', 53))",
        "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(s.getsockname()).close()",
    ]
    assert values(plan, *tries) == ["OSError", "OSError", "OSError", ""]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("ptrace", 101),
        ("unshare", 272),
        ("mount", 165),
        ("bpf", 321),
        ("keyctl", 250),
        ("io_uring_setup", 425),
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
def test_dangerous_system_calls_are_refused(plan: Plan, call: str, number: int) -> None:
    ask = f"{LIBC}\nlibc.syscall({number}, 0, 0), ctypes.get_errno()"
    assert value(plan, ask) == "(-1, 1)"


def test_no_namespace_within(plan: Plan) -> None:
    unshare = "import subprocess\nsubprocess.run(['unshare', '-Ur', 'true'], capture_output=True).returncode"
    clone = f"{LIBC}\nlibc.syscall(56, 0x10000011, 0, 0, 0, 0), ctypes.get_errno()"
    assert values(plan, unshare, clone) == ["1", "(-1, 1)"]


def test_limits_hold(plan: Plan) -> None:
    limits = plan.model_copy(update={"limits": RunLimits(memory_mib=400, processes=40, disk_mib=16)})
    many = "import os\nfor n in range(100):\n    if os.fork() == 0:\n        import time; time.sleep(600)"
    raised = "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (-1, -1))"
    large = "open('/tmp/large', 'wb').write(bytes(32 << 20))"
    assert values(limits, "bytes(500 << 20)", large, raised, many) == [
        "MemoryError",
        "OSError",
        "ValueError",
        "BlockingIOError",
    ]


def test_memory_of_many_processes_is_added_up(plan: Plan) -> None:
    limits = plan.model_copy(update={"limits": RunLimits(memory_mib=400)})
    greedy = (
        "import os, time\n"
        "for n in range(8):\n"
        "    if os.fork() == 0:\n"
        "        held = bytearray(b'x') * (100 << 20); time.sleep(600)\n"
        "time.sleep(600)"
    )
    with Session(limits) as session, pytest.raises(RuntimeError, match="ended"):
        ask(session, greedy)


def test_random_numbers_are_not_those_of_the_last_submission(plan: Plan) -> None:
    draw = "import numpy\nnumpy.random.random()"
    warm = plan.model_copy(update={"imports": ("numpy",)})
    assert len({value(warm, draw) for _ in range(3)}) == 3


def test_what_is_imported_before_is_not_seen(plan: Plan) -> None:
    (plan.files / "runner.py").write_text("origin = 'the learner'\n")
    (plan.files / "limits.py").write_text("origin = 'the learner'\n")
    assert values(plan, "import runner, limits\nrunner.origin, limits.origin", "In[1][:6], __name__")[0] == (
        "('the learner', 'the learner')"
    )
    assert value(plan, "'hpcampus_grading' in __import__('sys').modules, len(In)") == "(False, 2)"


# What a site may lack


def elsewhere(plan: Plan, *sources: str, prefix: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """What comes of cells on a machine that is made to lack something."""
    wish = {"files": str(plan.files), "sources": sources, "may_lack": more.pop("may_lack", [])}
    for folder in (plan.files, *plan.files.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o755)
    done = subprocess.run(
        [*prefix, sys.executable, CELLS, json.dumps(wish)],
        env={"PATH": more.pop("path", os.environ["PATH"])},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **more,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def old_kernel(*calls: int) -> list[str]:
    """A command that runs another one on a kernel without these calls."""
    return [sys.executable, LESSER, ",".join(map(str, calls))]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
def test_an_old_kernel_is_seen_and_what_remains_is_enough(plan: Plan) -> None:
    answer = elsewhere(plan, "6 * 7", prefix=old_kernel(LANDLOCK, SECCOMP))
    assert answer == {"held": ["limits", "network", "processes", "user", "world"], "shown": ["42"]}


@pytest.mark.parametrize("account", ["ordinary", pytest.param("root", marks=pytest.mark.root)])
def test_without_namespaces_it_is_the_operator_who_decides(plan: Plan, account: str, empty_path: str) -> None:
    user: dict[str, Any] = {}
    if os.geteuid() == 0 and account == "ordinary":
        user = {"user": 65534, "group": 65534, "extra_groups": []}
    refused = elsewhere(plan, "1", path=empty_path, may_lack=["limits"], **user)["refused"]
    lacking = "account, processes" if account == "ordinary" else "processes"
    assert f"It lacks {lacking} (" in refused
    assert "SandboxExecute.may_lack" in refused

    secret = plan.files.parent / "gradebook.db"
    secret.write_text("points")
    secret.chmod(0o644)
    tries = [
        "open('mine.txt').read()",
        f"open({str(secret)!r}).read()",
        f"open({str(plan.files / 'new')!r}, 'w')",
        "open('/tmp/new', 'w')",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        f"import os, signal\nos.kill({os.getpid()}, signal.SIGTERM)",
        "bytes(8 << 30)",
        "import subprocess\nsubprocess.Popen(['sleep', '4242'], start_new_session=True).poll()",
    ]
    answer = elsewhere(plan, *tries, path=empty_path, may_lack=["account", "processes"], **user)
    assert answer["held"] == [*["landlock", "limits", "seccomp"], *(["user"] if account == "root" else [])]
    assert answer["shown"] == [
        r"'mine\n'",
        "PermissionError",
        "PermissionError",
        "PermissionError",
        "OSError",
        "PermissionError",
        "MemoryError",
        "",
    ]
    assert b"sleep\0" + b"4242\0" not in commands()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
def test_with_too_little_left_it_refuses_whatever_may_lack(plan: Plan, empty_path: str) -> None:
    answer = elsewhere(
        plan, "1", path=empty_path, may_lack=["account", "processes"], prefix=old_kernel(LANDLOCK, SECCOMP)
    )
    assert "It lacks files, network (" in answer["refused"]


def test_where_namespaces_are_not_nested_each_submission_gets_a_parent(plan: Plan, tmp_path: Path) -> None:
    wrapper = tmp_path / "bwrap"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("bwrap")} --unshare-user --disable-userns "$@"\n')
    wrapper.chmod(0o755)
    answer = elsewhere(plan, "6 * 7", "open('mine.txt').read()", path=f"{tmp_path}:/usr/bin:/bin")
    assert answer == {
        "held": ["landlock", "limits", "network", "processes", "seccomp", "user", "world"],
        "shown": ["42", r"'mine\n'"],
    }


def test_a_promise_is_kept_while_one_of_its_layers_holds() -> None:
    names = [name for names in PROMISES.values() for name in names]
    layers = [Layer(name=name, holds=True, how="") for name in names]
    assert unkept(layers) == []
    for layer in layers:
        rest = [other if other != layer else layer.model_copy(update={"holds": False}) for other in layers]
        alone = [promise for promise, keepers in PROMISES.items() if keepers == {layer.name}]
        assert unkept(rest) == alone
        assert (refusal(rest, ()) is None) is (not alone)
        assert refusal(rest, alone) is None


def commands() -> list[bytes]:
    """The command lines of all processes that can be seen."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes())
    return found


@pytest.fixture
def empty_path(tmp_path: Path) -> str:
    """A PATH without bubblewrap, but with the programs that cells run."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sleep", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)
