"""Our programs don't import what costs a second of their start and is used by nobody."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("modules", ["hpcampus_hub.app", "hpcampus_spawner.cli, hpcampus_grading.generate"])
def test_no_grammar_is_compiled(modules: str) -> None:
    looks = f"import sys, {modules}; print('jsonschema' in sys.modules, 'lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
