"""The occupancy of known cases, and everywhere that of NVIDIA's own calculator."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from hpcampus_kernels.inspection.occupancy import GPUS, occupancy

KIB = 1024
# It comes with the extra `inspect`.
NVIDIA = find_spec("nvidia")
FOLDERS = map(Path, NVIDIA.submodule_search_locations or () if NVIDIA else ())
HEADERS = [header.parent for folder in FOLDERS for header in folder.glob("*/include/cuda_occupancy.h")]


@pytest.mark.parametrize(
    ("arch", "needs", "blocks", "share", "limit"),
    [
        ("sm_80", (256, 32, 0), 8, 1.0, "threads"),
        ("sm_80", (256, 33, 0), 6, 0.75, "registers"),
        ("sm_80", (256, 40, 0), 6, 0.75, "registers"),
        ("sm_80", (256, 64, 0), 4, 0.5, "registers"),
        ("sm_80", (256, 255, 0), 1, 0.125, "registers"),
        ("sm_80", (128, 95, 0), 5, 0.3125, "registers"),
        ("sm_80", (32, 32, 0), 32, 0.5, "blocks"),
        ("sm_80", (100, 32, 0), 16, 1.0, "threads"),
        ("sm_80", (1024, 128, 0), 0, 0.0, "registers"),
        ("sm_80", (128, 32, 48 * KIB), 3, 12 / 64, "shared memory"),
        ("sm_90", (128, 32, 48 * KIB), 4, 16 / 64, "shared memory"),
        ("sm_100", (128, 32, 227 * KIB), 1, 4 / 64, "shared memory"),
        ("sm_80", (128, 32, 164 * KIB), 0, 0.0, "shared memory"),
    ],
)
def test_known_cases(arch: str, needs: tuple[int, int, int], blocks: int, share: float, limit: str) -> None:
    """`needs` are threads and bytes of shared memory of a block, and between them registers of a thread."""
    got = occupancy(GPUS[arch], *needs)
    assert (got.blocks, got.share) == (blocks, share)
    if share < 1:
        assert got.limit == limit


def test_in_words() -> None:
    assert str(occupancy(GPUS["sm_90"], 256, 40, 0)) == "75%"
    assert str(occupancy(GPUS["sm_90"], 1024, 128, 0)) == "can't start: too many registers"


@pytest.mark.skipif(not HEADERS or not shutil.which("g++"), reason="needs g++ and the extra `inspect`")
def test_it_is_what_nvidias_calculator_says(tmp_path: Path) -> None:
    source, program = Path(__file__).with_name("occupancy.cpp"), tmp_path / "occupancy"
    subprocess.run(["g++", f"-I{HEADERS[0]}", str(source), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    different = [row for row in rows if occupancy(GPUS[f"sm_{row[0]}0"], *row[1:4]).blocks != row[4]]
    assert len(rows) == 3 * 15 * 255 * 12
    assert different == []
