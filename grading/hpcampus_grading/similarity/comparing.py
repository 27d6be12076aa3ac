"""Which submissions share more than others do, and where."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from hpcampus_grading.similarity.tokens import Token
from hpcampus_grading.similarity.winnowing import RUN, WINDOW
from hpcampus_grading.similarity.works import Given, Part, Work

# What more of the class has than this, and more than a few, says nothing about two of them.
COMMON_SHARE = 0.2
COMMON_LEAST = 3
# What two share in fewer tokens than this happens by itself.
LEAST_TOKENS = 24
# Lines that are shorter are alike by themselves.
_LEAST_LINE = 12
# So many pairs are looked at closely, those that share most.
_CLOSELY = 1000

# By fingerprint: the tokens of a cell, and where in them.
_Where = Mapping[int, tuple[Sequence[Token], int]]


@dataclass(frozen=True)
class Line:
    """A line of a cell, and whether the other has the same tokens in it."""

    text: str
    shared: bool


@dataclass(frozen=True)
class Place:
    """Two cells side by side."""

    names: tuple[str, str]
    lines: tuple[tuple[Line, ...], tuple[Line, ...]]
    tokens: int


@dataclass(frozen=True)
class Pair:
    """Two learners: how much they share in tokens, and as a share of each one's own, and where.

    `word_for_word` is the number of lines that are the same in every character and that few others have.
    """

    learners: tuple[str, str]
    tokens: int
    shares: tuple[float, float]
    word_for_word: int
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Comparison:
    """The pairs that share most, the most first; `left_out` is the number of fingerprints that many have."""

    works: int
    left_out: int
    too_many: int
    pairs: tuple[Pair, ...]


def compare(works: Sequence[Work], given: Given, at_least: float) -> Comparison:
    """Pairs of which one shares at least that part (0 to 1) of their own tokens with the other."""
    too_many = max(COMMON_LEAST, int(COMMON_SHARE * len(works)))
    holders = _holders(works)
    telling = {mark: who for mark, who in holders.items() if 1 < len(who) <= too_many}
    left_out = sum(len(who) > too_many for who in holders.values())
    together: Counter[tuple[int, int]] = Counter()
    for who in telling.values():
        together.update(combinations(who, 2))
    rare = _rare_lines(works, given, too_many)
    pairs = [
        _pair(works[one], works[other], telling.keys(), rare)
        for (one, other), _ in together.most_common(_CLOSELY)
    ]
    found = [pair for pair in pairs if pair.tokens >= LEAST_TOKENS and max(pair.shares) >= at_least]
    found.sort(key=lambda pair: (-max(pair.shares), -pair.tokens, pair.learners))
    return Comparison(len(works), left_out, too_many, tuple(found))


def _holders(works: Sequence[Work]) -> Mapping[int, list[int]]:
    """Who has each fingerprint, in order and once."""
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for number, work in enumerate(works):
        for mark in {mark for part in work.parts for mark in part.marks.values()}:
            holders[mark].append(number)
    return holders


def _rare_lines(works: Sequence[Work], given: Given, too_many: int) -> frozenset[str]:
    having = Counter(line for work in works for line in _lines(work))
    return frozenset(line for line, count in having.items() if count <= too_many) - given.lines


def _lines(work: Work) -> set[str]:
    lines = {line.strip() for part in work.parts for line in part.cell.source.splitlines()}
    return {line for line in lines if len(line) >= _LEAST_LINE}


def _pair(one: Work, other: Work, telling: Set[int], rare: frozenset[str]) -> Pair:
    shared = _marks(one.parts) & _marks(other.parts) & telling
    sizes = (_size(one, other, shared), _size(other, one, shared))
    places = sorted(_places(one, other, shared), key=lambda place: -place.tokens)
    return Pair(
        (one.learner, other.learner),
        min(sizes),
        (sizes[0] / one.size, sizes[1] / other.size),
        len(_lines(one) & _lines(other) & rare),
        tuple(places),
    )


def _marks(parts: Iterable[Part]) -> Set[int]:
    return {mark for part in parts for mark in part.marks.values()}


def _size(one: Work, other: Work, shared: Set[int]) -> int:
    """How many tokens of the one's own the other has too."""
    where = _where(other.parts, shared)
    return sum(len(_covered(part, where)) for part in one.parts)


def _where(parts: Iterable[Part], shared: Set[int]) -> _Where:
    """Where each fingerprint is, once: what is repeated often needn't be compared with itself each time."""
    found: dict[int, tuple[Sequence[Token], int]] = {}
    for part in parts:
        for place, mark in part.marks.items():
            if mark in shared:
                found.setdefault(mark, (part.cell.tokens, place))
    return found


def _covered(part: Part, where: _Where) -> Set[int]:
    """Which tokens of a cell are elsewhere too, but for those that were given."""
    covered: set[int] = set()
    for place, mark in part.marks.items():
        if mark in where:
            covered.update(_match(part.cell.tokens, place, *where[mark]))
    return covered & part.own


def _match(mine: Sequence[Token], place: int, theirs: Sequence[Token], there: int) -> range:
    """A run that both have, and what is the same beside it.

    As far as the next run could begin that winnowing keeps: further on there is another one, or no match.
    """
    before, after = 0, RUN
    while (
        before < WINDOW - 1
        and min(place, there) > before
        and mine[place - before - 1].text == theirs[there - before - 1].text
    ):
        before += 1
    while (
        after < RUN + WINDOW - 1
        and place + after < len(mine)
        and there + after < len(theirs)
        and mine[place + after].text == theirs[there + after].text
    ):
        after += 1
    return range(place - before, place + after)


def _places(one: Work, other: Work, shared: Set[int]) -> Iterator[Place]:
    """Each cell of the one beside the cell of the other that shares most with it."""
    for part in one.parts:
        mine = _marks([part]) & shared
        if mine:
            beside = max(other.parts, key=lambda candidate: len(_marks([candidate]) & mine))
            both = _marks([beside]) & mine
            here, there = _covered(part, _where([beside], both)), _covered(beside, _where([part], both))
            names = (part.cell.name, beside.cell.name)
            yield Place(names, (_shown(part, here), _shown(beside, there)), len(here))


def _shown(part: Part, covered: Set[int]) -> tuple[Line, ...]:
    lines = {part.cell.tokens[place].line for place in covered}
    return tuple(Line(text, number in lines) for number, text in enumerate(part.cell.source.split("\n"), 1))
