"""The lessons of this campus, in its exchange."""

from hpcampus_grading.releasing import release_assignment

from hpcampus_hub.settings import Settings


def release_all(settings: Settings) -> None:
    """Release every assignment of every course that no instructor has released; raises `ReleaseProblem`."""
    for course in settings.catalogue.courses.values():
        for assignment in course.assignments:
            release_assignment(
                course.slug,
                assignment.slug,
                settings.database_url("exchange"),
                settings.state / "store",
                settings.courses,
                replace=False,
            )
