"""The report on similar submissions: a table for the terminal, a page for people who look closely."""

from collections.abc import Iterator
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from hpcampus_grading.similarity.comparing import LEAST_TOKENS, Comparison
from hpcampus_grading.similarity.winnowing import RUN, WINDOW

# A page with more of them is read by nobody.
MOST_SHOWN = 50
_TEMPLATES = Environment(
    loader=PackageLoader("hpcampus_grading.similarity", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_table(comparison: Comparison) -> Iterator[str]:
    """One line a pair, the most alike first."""
    for pair in comparison.pairs[:MOST_SHOWN]:
        (one, other), (share, its_share) = pair.learners, pair.shares
        cells = ", ".join(place.names[0] for place in pair.places[:3])
        yield (
            f"{one} ({share:.0%}) - {other} ({its_share:.0%}): {pair.tokens} tokens, "
            f"{pair.word_for_word} lines word for word; {cells}"
        )


def as_page(comparison: Comparison, course: str, assignment: str, made: datetime) -> str:
    """The page, complete in one file: whatever a learner wrote is shown as text."""
    return _TEMPLATES.get_template("report.html").render(
        comparison=comparison,
        pairs=comparison.pairs[:MOST_SHOWN],
        course=course,
        assignment=assignment,
        made=made,
        shortest=RUN + WINDOW - 1,
        least=LEAST_TOKENS,
    )
