"""The latest submission of everybody, compared."""

import tempfile
from pathlib import Path

from hpcampus_grading.exchange.client import Client
from hpcampus_grading.similarity.comparing import Comparison, compare
from hpcampus_grading.similarity.works import given_in, work_in


def compare_submissions(client: Client, course: str, assignment: str, at_least: float) -> Comparison:
    """Fetch and compare; nothing of it stays on the disk. Raises `ExchangeProblem`."""
    latest = {found.receipt.learner: found.receipt for found in client.submissions(course, assignment)}
    with tempfile.TemporaryDirectory() as folder:
        released = Path(folder, "released")
        client.fetch(course, assignment, released)
        given = given_in(released)
        works = []
        for number, receipt in enumerate(latest.values()):
            place = Path(folder, str(number))
            client.collect(receipt, place)
            works.append(work_in(place, receipt.learner, given))
    return compare(works, given, at_least)
