"""One cell of tests among canaries, and what is to be believed of it."""

import secrets
from collections.abc import Callable, Container
from dataclasses import dataclass, replace

from hpcampus_grading.sandbox.answers import Answer, Failure, Output, Result, failure, shown
from hpcampus_grading.sandbox.canaries import canaries
from hpcampus_grading.sandbox.channel import ChannelAbused, Question, SandboxEnded
from hpcampus_grading.sandbox.report import WORDS, Kind

Ask = Callable[[Question], Answer]
Sign = tuple[Kind, str]


@dataclass(frozen=True)
class Judged:
    """The outputs to keep: an error first, or a value last, or neither; `gone` when the process has ended."""

    outputs: tuple[Output, ...]
    signs: tuple[Sign, ...] = ()
    gone: bool = False


def judge(test: Question, ask: Ask, asked: Container[str]) -> Judged:
    """Ask the test with canaries before and after it, which nothing inside can tell from it.

    At least one comes after it: so an answer that was forged while the test ran is found out, because the
    real one follows, or nothing does. Raises `SandboxEnded` when the test itself got no answer.
    """
    sources = canaries(test.source, asked)
    before = secrets.randbelow(len(sources))
    signs: list[Sign] = []
    for source in sources[:before]:
        signs += _signs_of(source, test, ask)
    answer = ask(test)
    gone = False
    try:
        for source in sources[before:]:
            signs += _signs_of(source, test, ask)
    except SandboxEnded as error:
        signs.append(("channel" if isinstance(error, ChannelAbused) else "ended", str(error)))
        gone = True
    signs += _reported(answer)
    return Judged(_believed(answer, signs), tuple(dict.fromkeys(signs)), gone)


def _signs_of(canary: str, test: Question, ask: Ask) -> list[Sign]:
    answer = ask(replace(test, source=canary, keep=False))
    failed = any(isinstance(output, Failure) for output in answer.outputs)
    signs = _reported(answer)
    return signs if failed else [*signs, ("canary", canary)]


def _reported(answer: Answer) -> list[Sign]:
    return [(sign.kind, sign.evidence) for sign in answer.evidence]


def _believed(answer: Answer, signs: list[Sign]) -> tuple[Output, ...]:
    """The outputs, as nbgrader's rules read them: the first error or value among them decides."""
    lost = [output for output in answer.outputs if isinstance(output, Failure)]
    if signs and not lost:
        words = " and ".join(dict.fromkeys(WORDS[kind] for kind, _ in signs))
        lost = [failure("TamperedTests", f"No points yet, because {words}. A person will look at this.")]
    last = answer.outputs[-1:]
    rest = [shown(o) if isinstance(o, Result) and (lost or o is not last[0]) else o for o in answer.outputs]
    return (*lost[:1], *(output for output in rest if not lost or output is not lost[0]))
