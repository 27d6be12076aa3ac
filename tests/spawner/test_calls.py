"""Programs that the hub calls: what they may cost it, and that none stays behind."""

import os
from pathlib import Path

import pytest
from hpcampus_spawner.calls import Call, NoAnswer, make
from hpcampus_spawner.launcher import birth

HERE = {"PATH": os.environ["PATH"]}


def shell(script: str, stdin: bytes = b"") -> Call:
    return Call(["sh", "-c", script], HERE, stdin)


async def test_a_call_ends_with_code_output_and_complaint() -> None:
    answer = await make(shell("cat; echo no >&2; exit 3", b"said"), 20)
    assert (answer.code, answer.out, answer.complaint) == (3, b"said", "no")


async def test_a_program_need_not_read_what_it_is_told() -> None:
    answer = await make(shell("exec <&-; echo done", b"x" * 10_000_000), 20)
    assert answer.out == b"done\n"


@pytest.mark.parametrize("script", ["yes", "yes >&2"])
async def test_an_endless_answer_costs_no_endless_memory(script: str) -> None:
    with pytest.raises(NoAnswer, match="more than 100000 bytes"):
        await make(shell(script), 20, most=100_000)


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
async def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path, trap: str) -> None:
    note = tmp_path / "pids"
    with pytest.raises(NoAnswer, match=r"no answer within 0\.5 s"):
        await make(shell(f"{trap}sleep 600 & echo $$ $! >{note}; wait; sleep 600"), 0.5)
    assert [birth(int(pid)) for pid in note.read_text().split()] == [None, None]


async def test_what_is_not_there_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="no-such-program"):
        await make(Call(["no-such-program"], HERE), 20)
