"""What learners' code finds around it: system, Python and libraries to read, own folders, an environment.

There are no homes, no course folder, no gradebook, no other submission, and no variable of the grader's.
"""

import importlib.util
import os
import sys
from pathlib import Path

from hpcampus_grading.sandbox.plan import Plan

HOME, SCRATCH, SHARED = "/home/learner", "/tmp", "/dev/shm"  # noqa: S108 (they are the sandbox's own)
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
# Only what the dynamic linker and the clock read.
ETC = tuple(
    f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime")
)
CODE = Path(__file__).parents[2]
"""The folder in which `hpcampus_grading` is; of it only the package `sandbox` is needed inside."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")


class SandboxUnavailable(RuntimeError):
    """There can be no sandbox here, so nothing is run; the message says why and what to do."""


def python_folders() -> list[Path]:
    """The folders of this Python and its environment, as far as the system's don't hold them."""
    prefixes = dict.fromkeys(Path(prefix).resolve() for prefix in (sys.base_prefix, sys.prefix))
    return [prefix for prefix in prefixes if not prefix.is_relative_to("/usr")]


def library_folders(plan: Plan) -> list[Path]:
    """The course's libraries outside of this Python's own folders (a source checkout, for example)."""
    inside = [Path("/usr"), *python_folders()]
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


def gpus(plan: Plan) -> list[str]:
    """The devices of the GPUs, where the work was given some."""
    return sorted(str(device) for device in Path("/dev").glob("nvidia*")) if plan.gpu else []


def devices(plan: Plan) -> list[str]:
    """What may be opened below /dev."""
    return [*(f"/dev/{name}" for name in _DEVICES), *gpus(plan)]


def environment(plan: Plan, home: str, scratch: str) -> dict[str, str]:
    """All variables that there are inside."""
    variables = {
        "HOME": home,
        "TMPDIR": scratch,
        "PATH": f"{Path(sys.prefix).resolve()}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": f"{scratch}/ipython",
        "MPLCONFIGDIR": f"{scratch}/matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NUMBA_CACHE_DIR": f"{scratch}/numba",
        "NBGRADER_EXECUTION": "autograde",
        **dict.fromkeys(_THREADS, str(plan.limits.threads)),
    }
    if not plan.gpu:
        variables["NUMBA_ENABLE_CUDASIM"] = "1"
    return variables


def interpreter(code: Path, settings: str) -> list[str]:
    """The command of a warm parent whose code is in that folder."""
    program = code / "hpcampus_grading" / "sandbox" / "inside" / "warm_parent.py"
    # -I: no variable and nobody's home has a say in what is imported.
    return [os.path.abspath(sys.executable), "-I", "-B", str(program), settings]  # noqa: PTH100 (a venv's link)


def readable(plan: Plan) -> list[str]:
    """What may be read where no world of its own hides the rest: the same, and the machine's figures."""
    machine = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu")
    folders = (*python_folders(), *library_folders(plan))
    return [*SYSTEM, *ETC, *machine, *map(str, folders)]
