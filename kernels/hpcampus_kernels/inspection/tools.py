"""NVIDIA's programs for machine code: ptxas, which makes it and says what it needs, and nvdisasm, its reader.

They come from the wheels of the extra `inspect`, or from a CUDA toolkit on PATH. They need no GPU.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

SECONDS = 120
_ENTRY = re.compile(r"\.entry\s+([\w$]+)")
_PROPERTIES = re.compile(
    r"Function properties for (\S+)\s+"
    r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads\s+"
    r"(?:ptxas info\s*: Used (\d+) registers(.*))?"
)


class ToolMissingError(ImportError):
    """A program isn't installed; the message says how to get it."""


class ToolFailedError(RuntimeError):
    """A program refused what it was given; the message is its own."""


@dataclass(frozen=True)
class Assembled:
    """What ptxas says of a kernel: registers for each thread, and bytes, and the machine code."""

    registers: int
    stack: int
    spill_stores: int
    spill_loads: int
    shared: int
    barriers: int
    cubin: bytes


def assemble(ptx: str, arch: str, most_registers: int | None = None) -> Assembled:
    """Assemble PTX with one kernel in it."""
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(ptx, encoding="utf-8")
        limit = [f"-maxrregcount={most_registers}"] if most_registers else []
        options = ["-v", "-lineinfo", f"-arch={arch}", *limit, "-o", str(target), str(source)]
        said = _run("ptxas", options)
        return _read(said, ptx, target.read_bytes())


def disassemble(cubin: bytes) -> str:
    """The instructions of the machine itself (SASS), with the lines they come from."""
    with TemporaryDirectory() as folder:
        source = Path(folder, "kernel.cubin")
        source.write_bytes(cubin)
        return _run("nvdisasm", ["-gi", "-c", str(source)])


def _read(said: str, ptx: str, cubin: bytes) -> Assembled:
    entry = _ENTRY.search(ptx)
    for found in _PROPERTIES.finditer(said):
        if entry and found[1] == entry[1] and found[5]:
            stack, stores, loads, registers = (int(found[i]) for i in (2, 3, 4, 5))
            barriers, shared = (_number(unit, found[6]) for unit in ("barriers", "bytes smem"))
            return Assembled(registers, stack, stores, loads, shared, barriers, cubin)
    raise ToolFailedError(f"ptxas said nothing about the kernel: {said.strip()}")


def _number(unit: str, text: str) -> int:
    found = re.search(rf"(\d+) {unit}", text)
    return int(found[1]) if found else 0


def _run(program: str, options: list[str]) -> str:
    argv = [str(find(program)), *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise ToolFailedError(f"{program} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout + done.stderr


def find(program: str, package: str = "hpcampus-kernels[inspect]") -> Path:
    """Where a program is: in a wheel of NVIDIA's, or on PATH; `package` is what to install if nowhere."""
    nvidia = find_spec("nvidia")
    folders = [Path(place) for place in nvidia.submodule_search_locations or ()] if nvidia else []
    wheels = [path for folder in folders for path in folder.glob(f"*/bin/{program}")]
    if found := next(iter(wheels), None) or shutil.which(program):
        return Path(found)
    python = Path(sys.executable).name
    raise ToolMissingError(f"{program} isn't installed: {python} -m pip install '{package}'")
