"""The page of a course, from its `course.yaml`: for who thinks of taking it, or of giving it."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from hpcampus_courses.model import Course

TEMPLATE = "page.md.j2"


def course_page(course: Course) -> str:
    """The page, as Markdown."""
    templates = Environment(
        loader=PackageLoader("hpcampus_courses", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, of texts that are our own
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = templates.get_template(TEMPLATE)
    hours = sum(assignment.hours or 0 for assignment in course.assignments)
    points = sum(assignment.points for assignment in course.assignments)
    return template.render(course=course, hours=hours, points=points)
