"""What nobody may ask for when a server starts: each is refused, with its field named."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from hpcampus_spawner.options import Options

SPACES = [" ", "\t", "\n", "\r", "\x0b", "\x0c", "\x85", "\u00a0", "\u2028", "\u2029", "\u3000", "\0"]
PARTITIONS = [
    "learn --cpus-per-task=4 --chdir=/etc",
    "learn\n#SBATCH --qos=vip",
    "--qos=vip",
    "-p",
    ".",
    "..",
    "a,b",
    "a=b",
    "a;id",
    "лearn",
    "learn\u202egpj",
    "\ud800",
    *(f"learn{space}x" for space in SPACES),
    *(f"learn{space}" for space in SPACES),
    *(f"{space}learn" for space in SPACES),
]
TOO_MUCH_FOR_A_NAME = ["a/b", "a" * 65]
TEMPLATES = ["{{7*7}}", "{username.__class__}", "%(x)s", "$(id)", "`id`", "${HOME}", "#{7*7}", "<%= 7 %>"]
DURATIONS = [
    "-1",
    -1,
    "0",
    0,
    "UNLIMITED",
    "infinite",
    "999999999999",
    "1e9",
    "٣:00",
    "٣",
    "1:00",
    "1-0",
    1.5,
]
NUMBERS = {
    "cpus": [0, -1, 1.5, "1.5", "0x10", 10**9, "1_000", "+4", " 4", "4 ", True, float("inf"), float("nan")],
    "gpus": [-1, "-1", 10**9, "1e1", "one", False],
    "memory_gib": ["-5G", "0", 0, "1T", "4G", 10**9, 0.5],
}
UNKNOWN = [
    "cmd",
    "prologue",
    "epilogue",
    "homedir",
    "options",
    "gres",
    "srun",
    "keepvars",
    "env",
    "exec_prefix",
    "account",
    "qos",
    "output",
    "__class__",
    "Partition",
    "partition ",
    "model_config",
]
SLUGS = [
    "../../etc",
    "-rf",
    "a+b",
    ".",
    "..",
    "a" * 300,
    "😀",
    "a\u202eb",
    "A",
    "a b",
    "a\0",
    "course\n",
    "a-",
]


def bad_options() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each of these values once, and the field that the refusal has to name."""
    yield from zip_with(cycle(["partition", "gpu_type", "reservation"]), [*PARTITIONS, *TOO_MUCH_FOR_A_NAME])
    yield from zip_with(cycle(sorted(Options.model_fields)), TEMPLATES)
    yield from ((field, of(field, "a\0b")) for field in Options.model_fields)
    yield from (("hours", {"hours": hours}) for hours in DURATIONS)
    yield from ((field, {field: value}) for field, values in NUMBERS.items() for value in values)
    yield from (("Unknown option", {key: value}) for key in UNKNOWN for value in ("x", None))
    yield from ((field, of(field, slug)) for field in ("course", "assignment") for slug in SLUGS)


def zip_with(fields: Iterator[str], values: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value in the next of the fields, which are more than enough."""
    return ((field, of(field, value)) for field, value in zip(fields, values, strict=False))


def of(field: str, value: object) -> dict[str, Any]:
    """That option, with what it can't be without."""
    return {"course": "gpu-numba", field: value} if field == "assignment" else {field: value}
