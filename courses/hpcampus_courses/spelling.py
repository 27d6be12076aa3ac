"""Misspelt words, as the program `typos` knows them; a course's `typos.toml` has its own right ones."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

WORDS_FILE = "typos.toml"


def misspelt(texts: Mapping[str, str], course: Path) -> Iterator[str]:
    """Each misspelt word with what may be meant; the texts are named like files of their kind.

    One sentence where the program is missing.
    """
    program = shutil.which("typos", path=str(Path(sys.executable).parent)) or shutil.which("typos")
    if program is None:
        yield "the spelling was not checked: install typos, it comes with hpcampus-grading[nbgrader]"
        return
    words = course / WORDS_FILE
    config = ["--config", str(words)] if words.is_file() else []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        command = [program, "--isolated", *config, "--no-check-filenames", "--format", "json", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    typos = {one["typo"]: one["corrections"] for one in found if one["type"] == "typo"}
    for word, corrections in sorted(typos.items()):
        meant = " or ".join(corrections) or "another word"
        yield f"{word!r} looks misspelt: {meant}? If it is right, name it in {WORDS_FILE}"
    if done.stderr:
        yield f"the spelling was not checked: {done.stderr.strip()}"
