"""The Python that has PyTorch: TORCH_PYTHON, or this one. Our environment does without it."""

import os
import subprocess
import sys

PYTHON = os.environ.get("TORCH_PYTHON", sys.executable)


def missing() -> str | None:
    """Why nothing can be run with PyTorch."""
    found = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True, check=False).returncode == 0
    return None if found else "PyTorch not found: name a Python that has it in TORCH_PYTHON"
