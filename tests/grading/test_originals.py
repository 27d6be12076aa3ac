"""What was replaced in a library is found, whether or not Python numbers the changes of its dicts."""

import sys
import types
from collections.abc import Callable, Iterator

import pytest
from hpcampus_grading.sandbox.inside import versions
from hpcampus_grading.sandbox.inside.originals import Originals


class Rule:
    """A class of the library's."""

    def judge(self) -> bool:
        """Something that tests may rely on."""
        return True


def answer() -> int:
    """Something that tests may call."""
    return 42


@pytest.fixture(params=[True, False], ids=["versions", "without"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A module that is watched."""
    if request.param:
        assert versions.Versions([{}]).known is (sys.version_info < (3, 14))
    else:
        monkeypatch.setattr(versions, "_are_kept", lambda: False)
    module = types.ModuleType("numpy.library")
    kind = type("Rule", (Rule,), {"judge": lambda self: True, "__module__": module.__name__})
    vars(module).update(answer=answer, number=1, Rule=kind)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def other() -> int:
    """What a learner would put there."""
    return 0


def put_function(module: types.ModuleType) -> None:
    module.answer = other  # type: ignore[attr-defined]


def take_function(module: types.ModuleType) -> None:
    del module.answer


def put_method(module: types.ModuleType) -> None:
    module.Rule.judge = other


def put_module(module: types.ModuleType) -> None:
    sys.modules[module.__name__] = types.ModuleType(module.__name__)


@pytest.mark.parametrize(
    ("replace", "found"),
    [
        (put_function, "numpy.library.answer"),
        (take_function, "numpy.library.answer"),
        (put_method, "numpy.library.Rule.judge"),
        (put_module, "numpy.library"),
    ],
)
def test_what_was_replaced_is_found_until_it_is_put_back(
    library: types.ModuleType, replace: Callable[[types.ModuleType], None], found: str
) -> None:
    originals = Originals()
    assert list(originals.changed()) == []
    replace(library)
    assert list(originals.changed()) == [found]
    assert list(originals.changed()) == [found]
    if found != "numpy.library.Rule.judge":
        originals.restore(found)
        assert list(originals.changed()) == []


def test_other_changes_mean_nothing(library: types.ModuleType) -> None:
    originals = Originals()
    vars(library).update(number=2, new=other)
    assert list(originals.changed()) == []
    put_function(library)
    assert list(originals.changed()) == ["numpy.library.answer"]
    originals.accept("numpy.library.answer")
    assert list(originals.changed()) == []
