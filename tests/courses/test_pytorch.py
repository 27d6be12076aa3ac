"""What lessons show of PyTorch, run with its build for processors."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from with_torch import PYTHON

pytestmark = pytest.mark.torch

SOURCE = Path(__file__).parents[2] / "courses" / "ml-from-scratch" / "source"
TINY = ("--steps=6", "--every=1", "--width=32", "--blocks=1", "--context=32", "--count=8", "--rate=0.01")


def run(*arguments: object) -> str:
    """What a program says under the Python that has PyTorch, in which no warning is left."""
    command = [PYTHON, "-W", "error", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def losses(said: str) -> list[float]:
    """All losses, the one on the text for validation last."""
    return [float(loss) for loss in re.findall(r"loss (\d+\.\d+)$", said, re.MULTILINE)]


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    program, weights = SOURCE / "language-model" / "lm.py", tmp_path / "lm.pt"
    alone = losses(run(program, *TINY))
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    together = losses(run(*torchrun, program, *TINY, "--save", weights))
    assert len(alone) == 7
    assert together == pytest.approx(alone, abs=2e-3)
    assert alone[5] < alone[0] - 0.3
    assert weights.stat().st_size > 10_000


def test_the_lines_in_other_lessons_do_what_they_say() -> None:
    run(Path(__file__).with_name("pytorch_snippets.py"), SOURCE)
