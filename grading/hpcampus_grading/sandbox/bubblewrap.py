"""The sandbox's walls, as arguments for bubblewrap: own namespaces, no network, a read-only world.

Inside are the system's libraries, this Python, the course's libraries and a copy of the submission's files.
There are no homes, no course folder, no gradebook, no other submission, and no variable of the grader's.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from hpcampus_grading.sandbox.plan import Plan

RUNNER = Path(__file__).with_name("runner.py")
HOME, FILES, RUNNER_INSIDE = "/home/learner", "/campus/files", "/campus/runner.py"
# Only what the dynamic linker and the clock read.
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class SandboxUnavailable(RuntimeError):
    """There can be no sandbox here, so nothing is run; the message says why and what to do."""


def command(plan: Plan, settings: str, information: int) -> list[str]:
    """The whole command line; bubblewrap writes to the descriptor `information` what it started.

    Raises `SandboxUnavailable` when bubblewrap or a library is missing.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable(
            "Nothing was graded: bubblewrap is not installed here, and learners' code is not run without "
            "it. Install the package 'bubblewrap'."
        )
    told = ["--info-fd", str(information)]
    return [bwrap, *told, *_walls(plan), *_world(plan), *_environment(plan), "--", *_interpreter(settings)]


def _walls(plan: Plan) -> Iterator[str]:
    yield from ("--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--die-with-parent")
    yield from ("--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--cap-drop", "ALL")
    yield from ("--proc", "/proc", "--dev", "/dev")
    for folder in ("/tmp", HOME, "/dev/shm"):  # noqa: S108 (it is the sandbox's own)
        yield from ("--size", str(plan.limits.disk_mib << 20), "--tmpfs", folder)
    yield from ("--chdir", HOME)


def _world(plan: Plan) -> Iterator[str]:
    for place in ("/usr", "/bin", "/sbin", "/lib", "/lib64"):
        if Path(place).is_symlink():
            yield from ("--symlink", str(Path(place).readlink()), place)
        elif Path(place).exists():
            yield from ("--ro-bind", place, place)
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for folder in (*_prefixes(), *library_folders(plan)):
        yield from ("--ro-bind", str(folder), str(folder))
    yield from ("--ro-bind", str(RUNNER), RUNNER_INSIDE, "--ro-bind", str(plan.files), FILES)
    for device in sorted(Path("/dev").glob("nvidia*")) if plan.gpu else ():
        yield from ("--dev-bind", str(device), str(device))
    # Only the folders in memory, which have a size, can be written.
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def _prefixes() -> list[Path]:
    prefixes = dict.fromkeys(Path(prefix).resolve() for prefix in (sys.base_prefix, sys.prefix))
    return [prefix for prefix in prefixes if not prefix.is_relative_to("/usr")]


def library_folders(plan: Plan) -> list[Path]:
    """The course's libraries outside of this Python's own folders (a source checkout, for example)."""
    inside = [Path("/usr"), *_prefixes()]
    found = [_location(name.partition(".")[0]) for name in plan.libraries]
    return [path for path in dict.fromkeys(found) if not any(path.is_relative_to(place) for place in inside)]


def _location(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise SandboxUnavailable(
            f"Nothing was graded: the course needs the library {name!r}, which is not installed here."
        )
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0] if folders else str(spec.origin)).resolve()


def _environment(plan: Plan) -> Iterator[str]:
    variables = {
        "HOME": HOME,
        "PATH": f"{Path(sys.prefix).resolve()}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": "/tmp/ipython",  # noqa: S108
        "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NUMBA_CACHE_DIR": "/tmp/numba",  # noqa: S108
        "NBGRADER_EXECUTION": "autograde",
        **dict.fromkeys(_THREADS, str(plan.limits.threads)),
    }
    if not plan.gpu:
        variables["NUMBA_ENABLE_CUDASIM"] = "1"
    yield "--clearenv"
    for name, value in variables.items():
        yield from ("--setenv", name, value)


def _interpreter(settings: str) -> list[str]:
    # -I: nothing that the learner sent is imported before their own cells run.
    return [os.path.abspath(sys.executable), "-I", "-B", RUNNER_INSIDE, settings]  # noqa: PTH100 (a venv's link)
