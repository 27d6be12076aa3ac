"""Similar submissions: found where somebody made them look different, and not where everybody is alike."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from accessibility import barriers
from browser_fixtures import chromium
from click.testing import CliRunner
from hpcampus_grading.clock import utc_now
from hpcampus_grading.commands.similarity import similarity
from hpcampus_grading.similarity.comparing import Comparison, compare
from hpcampus_grading.similarity.report import as_page, as_table
from hpcampus_grading.similarity.winnowing import RUN, WINDOW, runs, winnowed
from hpcampus_grading.similarity.works import Given, Work, given_in, work_in
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.grading.conftest import Service, StubHub, code, test_cell
from tests.grading.test_service import archive

GIVEN = "def median(values):\n    # Your code here.\n    raise NotImplementedError"
TESTS = "assert median([1, 2, 9]) == 2\nassert median([4, 1]) == 2.5\nassert median([7]) == 7"
ADAS = """
def median(values):
    # Sort them and look into the middle.
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
"""
RENAMED = """
def median(numbers):
    liste = sorted(numbers)  # sortiert
    m = len(liste) // 2

    if len(liste) % 2 == 1:
        return liste[m]
    return (liste[m - 1] + liste[m]) / 2
"""
OTHER = """
import statistics
def median(values):
    try:
        while len(values) > 2:
            values = values[1:-1]
    except TypeError as error:
        print(f"not a list: {error}")
    finally:
        count = 0
    for value in values:
        count += value
    return count / max(len(values), 1)
"""
WORDS = (
    "The median is robust because one single outlier can not move it further than to the next value, whereas "
    "the mean follows every outlier as far as it goes."
)


def notebook(answer: str, words: str = "", answer_id: str = "median", *, locked: bool = False) -> str:
    """A lesson with one exercise and one question, answered."""
    cells = [
        new_markdown_cell("# Medians\nWrite a function that finds the median of any list of numbers."),
        code(answer, answer_id, solution=not locked, locked=locked),
        test_cell(TESTS, "median-test", 3),
        new_markdown_cell(words),
    ]
    return str(nbformat.writes(new_notebook(cells=cells)))


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lesson1.ipynb").write_text(text)
    return folder


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return given_in(write(tmp_path / "given", notebook(GIVEN)))


def works(folder: Path, given: Given, **notebooks: str) -> list[Work]:
    """What they handed in."""
    return [work_in(write(folder / name, text), name, given) for name, text in notebooks.items()]


def pairs(comparison: Comparison) -> list[tuple[str, str]]:
    return [pair.learners for pair in comparison.pairs]


def test_a_copy_is_found_although_its_names_and_comments_were_changed(tmp_path: Path, given: Given) -> None:
    handed_in = works(tmp_path, given, ada=notebook(ADAS), ben=notebook(RENAMED), cleo=notebook(OTHER))
    found = compare(handed_in, given, 0.4)
    assert pairs(found) == [("ada", "ben")]
    (pair,) = found.pairs
    assert min(pair.shares) > 0.8
    (place,) = pair.places
    assert place.names == ("lesson1: median", "lesson1: median")
    shared = [[line.text.strip() for line in side if line.shared] for side in place.lines]
    assert "middle = len(ordered) // 2" in shared[0]
    assert "m = len(liste) // 2" in shared[1]
    assert not any("Sort them" in line for line in shared[0])


def test_what_was_given_is_nobodys(tmp_path: Path, given: Given) -> None:
    """The tests, the texts and the answer's frame are alike in everybody's."""
    names = [f"learner{number}" for number in range(6)]
    handed_in = works(tmp_path, given, **dict.fromkeys(names, notebook(GIVEN)))
    assert [work.size for work in handed_in] == [0] * 6
    assert pairs(compare(handed_in, given, 0.01)) == []


def test_what_half_the_class_has_says_nothing(tmp_path: Path, given: Given) -> None:
    names = [f"learner{number}" for number in range(8)]
    found = compare(works(tmp_path, given, **dict.fromkeys(names, notebook(ADAS))), given, 0.01)
    assert pairs(found) == []
    assert found.left_out > 0


def test_words_are_compared_too(tmp_path: Path, given: Given) -> None:
    texts = {"ada": WORDS, "ben": WORDS.upper().replace(",", " -"), "cleo": WORDS[::-1]}
    handed_in = [
        work_in(write(tmp_path / name, notebook(GIVEN, text)), name, given) for name, text in texts.items()
    ]
    found = compare(handed_in, given, 0.4)
    assert pairs(found) == [("ada", "ben")]
    assert found.pairs[0].places[0].names == ("lesson1: cell 4", "lesson1: cell 4")


@pytest.mark.parametrize("answer_id", ["median", "median-copy", ""])
def test_nobody_hides_a_copy_in_a_cell_of_another_kind(tmp_path: Path, given: Given, answer_id: str) -> None:
    hidden = notebook(RENAMED, answer_id=answer_id, locked=True)
    handed_in = works(tmp_path, given, ada=notebook(ADAS), ben=hidden)
    assert pairs(compare(handed_in, given, 0.4)) == [("ada", "ben")]


def test_a_copy_in_a_program_beside_the_notebook_is_found(tmp_path: Path, given: Given) -> None:
    write(tmp_path / "ben", notebook(GIVEN))
    (tmp_path / "ben" / "tools.py").write_text(RENAMED)
    handed_in = [
        work_in(write(tmp_path / "ada", notebook(ADAS)), "ada", given),
        work_in(tmp_path / "ben", "ben", given),
    ]
    found = compare(handed_in, given, 0.4)
    assert found.pairs[0].places[0].names == ("lesson1: median", "tools.py")


def test_lines_that_are_the_same_in_every_character_are_counted(tmp_path: Path, given: Given) -> None:
    handed_in = works(tmp_path, given, ada=notebook(ADAS), ben=notebook(ADAS), cleo=notebook(RENAMED))
    same = {pair.learners: pair.word_for_word for pair in compare(handed_in, given, 0.4).pairs}
    # Seven lines of the answer, without `def median(values):`, which was given.
    assert same == {("ada", "ben"): 6, ("ada", "cleo"): 0, ("ben", "cleo"): 0}


@pytest.mark.parametrize(
    "source", ["", "%%time\n!ls", "def (", "'''", '"', "\0\n\x0c", "x = 1\n" * 50_000, "\uff41\uff1d\uff11"]
)
def test_no_cell_is_too_odd(tmp_path: Path, given: Given, source: str) -> None:
    handed_in = works(tmp_path, given, ada=notebook(source), ben=notebook(source), cleo=notebook(ADAS))
    found = compare(handed_in, given, 0.4)
    assert as_page(found, "sums", "lesson1", utc_now())


@pytest.mark.parametrize("seed", range(20))
def test_whatever_two_share_in_so_many_tokens_is_found(seed: int) -> None:
    """The guarantee of winnowing: a window that both have keeps the same run in both."""
    chance = random.Random(seed)

    def text(length: int) -> list[str]:
        return [chance.choice("abc") for _ in range(length)]

    def marks(tokens: Sequence[str]) -> set[int]:
        hashes = runs(tokens)
        return {hashes[place] for place in winnowed(hashes)}

    shared = text(RUN + WINDOW - 1)
    one, other = ([*text(40), *shared, *text(30)] for _ in range(2))
    assert marks(one) & marks(other) & set(runs(shared))
    assert len(winnowed(runs(one))) < len(runs(one)) / 2


def test_a_class_of_three_hundred_with_one_copy_in_it(tmp_path: Path, given: Given) -> None:
    """Programs of chance, and one of them twice under other names; how long it takes, benchmarks say."""
    chance = random.Random(7)
    texts = [program(chance) for _ in range(299)]
    texts.append(re.sub(r"\bx\b", "other", texts[41]).replace("# by chance", "# my own"))
    handed_in = [
        work_in(write(tmp_path / str(number), notebook(text)), f"learner{number}", given)
        for number, text in enumerate(texts)
    ]
    assert pairs(compare(handed_in, given, 0.5)) == [("learner41", "learner299")]


def program(chance: random.Random) -> str:
    """Some statements."""
    lines = ["def solve(x):  # by chance"]
    for _ in range(30):
        operators = [chance.choice("+-*/%") for _ in range(3)]
        call = chance.choice(["abs", "min", "max", "len", "sum", "round"])
        indexed = chance.choice(["x[0]", "x", f"{call}(x)", "x.shape", "x.T"])
        lines.append(f"    x {operators[0]}= {indexed} {operators[1]} {call}(x {operators[2]} 2)")
    return "\n".join([*lines, "    return x"])


HOSTILE = ADAS + "\n# </code><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.mark.browser
def test_the_page_is_for_everybody_and_runs_nothing(tmp_path: Path, given: Given) -> None:
    handed_in = works(
        tmp_path,
        given,
        ada=notebook(HOSTILE, WORDS),
        **{"ben" * 12: notebook(HOSTILE + "x" * 400, WORDS), "cleo": notebook(RENAMED)},
    )
    page = tmp_path / "page.html"
    page.write_text(as_page(compare(handed_in, given, 0.4), "sums", "lesson1", utc_now()))
    assert "<script" not in page.read_text()
    with chromium() as browser, browser.new_context() as context:
        opened = context.new_page()
        asked: list[str] = []
        opened.on("dialog", lambda dialog: asked.append(dialog.message))
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(page.as_uri())
        assert opened.get_by_role("heading", level=1).inner_text() == "Similar submissions: lesson1 of sums"
        assert "never a verdict" in opened.locator("main").inner_text()
        opened.get_by_role("link", name="ada and benben").click()
        assert opened.locator("li.shared").count() > 10
        assert barriers(opened) == []
    assert asked == [page.as_uri()]


def test_an_instructor_finds_similar_submissions(
    service: Service, hub: StubHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ines = hub.add("ines", "sums-instructors")
    place = "courses/sums/assignments/lesson1"
    service.request("PUT", f"{place}/release", ines, data=archive(lesson1=notebook(GIVEN)))
    for learner, text in (("ada", OTHER), ("ada", ADAS), ("ben", RENAMED), ("cleo", OTHER)):
        token = hub.add(learner, "sums")
        reply = service.request("POST", f"{place}/submissions", token, data=archive(lesson1=notebook(text)))
        assert reply.status_code == 201
    monkeypatch.setenv("CAMPUS_EXCHANGE_URL", service.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", ines)
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(similarity, ["sums", "lesson1"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("ada (")
    assert "- ben (" in done.output
    assert "cleo" not in done.output  # ada's first submission is not the one that counts
    page = tmp_path / "courses" / "sums" / "similarity" / "lesson1.html"
    assert page.stat().st_mode & 0o077 == 0
    assert "ordered[middle]" in page.read_text()
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
    assert CliRunner().invoke(similarity, ["sums", "lesson1"]).exit_code == 1


def test_the_table_says_who_what_and_where(tmp_path: Path, given: Given) -> None:
    handed_in = works(tmp_path, given, ada=notebook(ADAS), ben=notebook(ADAS))
    (line,) = as_table(compare(handed_in, given, 0.4))
    assert line.startswith("ada (100%) - ben (100%): ")
    assert line.endswith("6 lines word for word; lesson1: median")
