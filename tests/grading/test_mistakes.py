"""Mutants of plain Python: which mistakes are made, and which are not."""

import ast

import pytest
from hpcampus_grading.rehearsal.mistakes import mistakes


def made(source: str) -> set[str]:
    return {label.partition(" -> ")[2] for label, _ in mistakes(source)}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("a < b < 3", {"a <= b < 3", "a < b <= 3", "a < b < 4"}),
        ("a == b", {"a != b"}),
        ("a + b * c", {"a - b * c", "a + b / c"}),
        ("a @ b", {"a * b"}),
        ("a and not b", {"a or not b", "a and b"}),
        ("-a ** 2.5", {"a ** 2.5", "-(a * 2.5)", "-a ** 5.0"}),
        ("flag = True", {"flag = False"}),
        ("start = 0.0", {"start = 1.0"}),
        ("total += a", {"total -= a", "pass"}),
        ("out[i] = a", {"out[i + 1] = a", "pass"}),
        ("x[i, j]", {"x[j, i]", "pass"}),
        ("f(a, b, c)", {"f(b, a, c)", "pass"}),
        ("f(a, a)", {"pass"}),
        ("low = np.minimum(a, b)", {"low = np.maximum(a, b)"}),
        ("m = x.sum(axis=0)", {"m = x.sum(axis=1)", "m = x.sum()"}),
        (
            "t = [n for n in range(a, b)]",
            {"t = [n for n in range(a, b - 1)]", "t = [n for n in range(b, a)]"},
        ),
    ],
)
def test_mistakes_in_an_expression_and_a_statement(right: str, wrong: set[str]) -> None:
    found = made(right)
    assert found - {"pass"} == wrong - {"pass"}
    assert "pass" in found or "pass" not in wrong


def test_a_guard_and_a_jump_are_left_out() -> None:
    source = "for n in x:\n    if n < 0:\n        raise ValueError(n)\n    continue"
    labels = {label for label, _ in mistakes(source)}
    assert "if n < 0:; raise ValueError(n) -> pass" in labels
    assert "raise ValueError(n) -> pass" in labels
    assert "continue -> pass" in labels


def test_what_is_never_run_or_compiled_otherwise_is_left_alone() -> None:
    kernel = "@cuda.jit\ndef add(x, y):\n    y[cuda.grid(1)] = x + 1"
    plain = "@njit(cache=True)\ndef one(x: Array[2]) -> Array[3]:\n    '''Say 1.'''\n    return x"
    assert not made(f"{kernel}\n\n{plain}")


def test_every_version_is_python_that_differs_and_has_a_label_of_its_own() -> None:
    source = "def f(x):\n    g(x, x)\n    a = x + 1\n    b = [0, 0]\n    a = x + 1\n    return a + b[0]"
    found = list(mistakes(source))
    labels = [label for label, _ in found]
    assert "a = x + 1 -> a = x - 1" in labels
    assert "a = x + 1 -> a = x - 1 #2" in labels
    assert len(set(labels)) == len(labels)
    versions = {ast.unparse(ast.parse(version)) for _, version in found}
    assert len(versions) == len(found)
    assert ast.unparse(ast.parse(source)) not in versions
