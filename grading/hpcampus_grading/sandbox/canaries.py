"""Tests that must fail, made afresh from what a real test calls, so that the two look alike from inside.

A canary runs where the notebook's names are, and calls what the test calls: whoever made tests pass that
should fail, by whatever means, makes canaries pass.
"""

import ast
import random
from collections.abc import Callable, Container, Iterator

_random = random.SystemRandom()
_MOST = 6


def _number() -> int:
    return _random.randrange(3, 100_000)


def _two() -> tuple[int, int]:
    one = _number()
    return one, one + _random.randrange(2, 1000)


def _lists() -> tuple[list[int], list[int]]:
    one = [_number() for _ in range(_random.randrange(2, 6))]
    return one, [value + 2 for value in one]


def _different(call: str) -> str:
    one, other = _two()
    return f"assert {call}({one}, {other})"


def _required(call: str) -> str:
    one, other = _two()
    return f"{call}({one}, {other})"


def _arrays(call: str) -> str:
    one, other = _lists()
    return f"assert {call}({one}, {other})"


def _required_arrays(call: str) -> str:
    one, other = _lists()
    return f"{call}({one}, {other})"


def _value(template: str) -> Callable[[str], str]:
    def make(call: str) -> str:
        one, other = _two()
        return template.format(call=call, one=one, other=other, list=_lists()[0], word=f"w{one}")

    return make


# By the last part of what a test calls.
_BY_NAME: dict[str, Callable[[str], str]] = {
    "isinstance": _value("assert {call}({one}, str)"),
    "issubclass": _value("assert {call}(int, str)"),
    "hasattr": _value("assert {call}({one}, '{word}')"),
    "callable": _value("assert {call}({one})"),
    "type": _value("assert {call}({one}) is str"),
    "all": _value("assert {call}([{one}, 0, {other}])"),
    "any": _value("assert {call}([0, 0, 0])"),
    "abs": _value("assert {call}({one} - {other}) < 1"),
    "len": _value("assert {call}({list}) == {one} + 10"),
    "sum": _value("assert {call}([{one}, {other}]) == {one}"),
    "max": _value("assert {call}({one}, {other}) == {one}"),
    "min": _value("assert {call}({one}, {other}) == {other}"),
    "round": _value("assert {call}({one}.2) == {other}"),
    "sorted": _value("assert {call}([{other}, {one}]) == [{other}, {one}]"),
    "int": _value("assert {call}('{one}') == {other}"),
    "float": _value("assert {call}('{one}') == {other}"),
    "str": _value("assert {call}({one}) == '{other}'"),
    "repr": _value("assert {call}({one}) == '{other}'"),
    "bool": _value("assert {call}(0)"),
    "list": _value("assert {call}(({one}, 1)) == [{other}, 1]"),
    "tuple": _value("assert {call}([{one}, 1]) == ({other}, 1)"),
    "set": _value("assert {call}([{one}]) == {{{other}}}"),
    "isclose": _different,
    "array_equal": _arrays,
    "allclose": _arrays,
    "approx": _value("assert {one} == {call}({other})"),
    "assert_equal": _required_arrays,
    "assert_allclose": _required_arrays,
    "assert_almost_equal": _required_arrays,
    "assert_array_equal": _required_arrays,
    "assert_array_almost_equal": _required_arrays,
    "assert_approx_equal": _required,
    "assert_": _value("{call}({one} == {other})"),
    "assertEqual": _required,
    "assertAlmostEqual": _required,
    "assertTrue": _value("{call}({one} == {other})"),
    "assertFalse": _value("{call}({one} == {one})"),
    "assertIn": _value("{call}({one}, [{other}])"),
    "assertIsInstance": _value("{call}({one}, str)"),
}
_PLAIN = (
    "assert {one} == {other}",
    "assert {one} > {other}",
    "assert {one} != {one}",
    "assert {list} == [{one}, {other}]",
    "assert '{word}' == 'w{other}'",
    "assert {one} == {other}, 'expected {other}'",
)


def canaries(source: str, asked: Container[str] = ()) -> list[str]:
    """Sources of tests that fail wherever nothing was tampered with: two or more, in no order.

    There is one for each function that the test calls and we know. `asked` are names that learners are asked
    to define: their `max` may be wrong without any tampering.
    """
    calls = sorted(call for call in set(_calls(source)) if call.partition(".")[0] not in asked)
    made = [_BY_NAME[call.rpartition(".")[2]](call) for call in _random.sample(calls, min(len(calls), _MOST))]
    plain = _random.choices(_PLAIN, k=max(0, _random.randrange(2, 4) - len(made)))
    made += (_value(template)("") for template in plain)
    _random.shuffle(made)
    return made


def _calls(source: str) -> Iterator[str]:
    """What a test calls and we can make a false claim with: `np.testing.assert_allclose`."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # IPython's own syntax
        return
    for node in ast.walk(tree):
        name = _dotted(node.func) if isinstance(node, ast.Call) else ""
        if name.rpartition(".")[2] in _BY_NAME:
            yield name


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
