"""Mutants of the solutions: what is changed, and that `check` finds it out."""

import importlib
import os
from dataclasses import replace

import pytest
from hpcampus_kernels import PROBLEMS, Point, Verdict
from hpcampus_kernels.__main__ import main
from hpcampus_kernels.judging.gate import refusal
from hpcampus_kernels.mutation import mutants, score
from hpcampus_kernels.mutation.mutants import CHANGES

# All problems take minutes: `CAMPUS_MUTANTS=all` asks for them.
TRIED = tuple(PROBLEMS) if os.environ.get("CAMPUS_MUTANTS") == "all" else ("saxpy", "histogram", "heat")
LEAST = 0.97
scoring = importlib.import_module("hpcampus_kernels.mutation.score")


@pytest.mark.parametrize("name", TRIED)
def test_mutants_are_killed(name: str) -> None:
    found = score(PROBLEMS[name])
    assert found.share >= LEAST, str(found)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_mutant_is_another_kernel_and_every_equivalent_one_exists(name: str) -> None:
    made = list(mutants(PROBLEMS[name]))
    labels = [mutant.label for mutant in made]
    assert len(set(labels)) == len(labels)
    assert PROBLEMS[name].equivalent.keys() <= set(labels)
    assert not [mutant.label for mutant in made if refusal(mutant.submission)]
    assert all(mutant.before != mutant.after for mutant in made)


def test_every_kind_of_mistake_occurs() -> None:
    kinds = {mutant.kind for problem in PROBLEMS.values() for mutant in mutants(problem)}
    assert kinds == {kind for kind, _ in CHANGES}


def test_mutants_of_a_kernel_with_atomics_and_barriers() -> None:
    made = {mutant.label: mutant.kind for mutant in mutants(PROBLEMS["histogram"])}
    assert made["histogram: cuda.syncthreads() ->"] == "barrier dropped"
    assert made["histogram: cuda.syncthreads() -> #2"] == "barrier dropped"
    assert made["histogram: cuda.atomic.add(own, level, 1) -> own[level] += 1"] == "atomic dropped"
    assert made["histogram: own[b] = 0 -> pass"] == "not initialised"
    assert made["histogram: if 0 <= level < bins: -> if level < bins:"] == "half a guard"


def test_what_lives_is_shown_with_its_change_unless_it_is_declared_equivalent() -> None:
    problem = PROBLEMS["monte_carlo_pi"]
    (equivalent,) = (mutant for mutant in mutants(problem) if mutant.label in problem.equivalent)
    shown = str(score(replace(problem, equivalent={}), [equivalent]))
    assert "0 of 1 mutants killed" in shown
    assert "- if x * x + y * y < SQUARE:\n    + if x * x + y * y <= SQUARE:" in shown
    found = score(problem, [equivalent])
    assert (found.share, len(found.equivalent)) == (1, 1)
    assert found.as_data()["equivalent"] == problem.equivalent


def test_the_command_prints_the_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", "vector_add"]) == 0
    assert "vector_add: 6 of 6 mutants killed (100%)" in capsys.readouterr().out


def test_a_mutant_that_nobody_could_judge_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = PROBLEMS["saxpy"]
    mutant = next(mutants(problem))
    for words, killed in (("y[0] should be 1, but it is 2.", 1), ("The simulator can't run this kernel.", 0)):
        verdict = Verdict("saxpy", (Point("values", "right", 0, 1, words),))
        monkeypatch.setattr(scoring, "judge", lambda *_, verdict=verdict, **__: verdict)
        assert len(score(problem, [mutant]).killed) == killed
