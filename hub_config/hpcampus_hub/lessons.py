"""The lessons of this campus, in its exchange."""

import click
from hpcampus_grading.releasing import ReleaseProblem, release_assignment

from hpcampus_hub.settings import Settings


def release_all(settings: Settings) -> None:
    """Release every assignment of every course that no instructor has released.

    One that can't be released is said, and keeps neither the others nor the hub from anything.
    """
    for course in settings.catalogue.courses.values():
        for assignment in course.assignments:
            try:
                _release(settings, course.slug, assignment.slug)
            except ReleaseProblem as problem:
                click.echo(f"{course.slug}/{assignment.slug} was not released. {problem}", err=True)


def _release(settings: Settings, course: str, assignment: str) -> None:
    release_assignment(
        course,
        assignment,
        settings.database_url("exchange"),
        settings.state / "store",
        settings.courses,
        replace=False,
    )
