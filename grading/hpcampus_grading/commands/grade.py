"""`campus grade`: collect, grade in the sandbox, show the scores; once, or for as long as it runs."""

import sys

import click

from hpcampus_grading.commands.crew import crew_options, grading


@click.command()
@click.argument("course")
@click.argument("assignment", required=False)
@click.option("--feedback", is_flag=True, help="Make feedback and release it to the learners.")
@click.option("--again", is_flag=True, help="Grade also what was graded before.")
@click.option("--watch", is_flag=True, help="Go on grading what comes in, as course.yaml says; until Ctrl-C.")
@crew_options
def grade(  # noqa: PLR0913, PLR0917 (click's way to say what a command takes)
    course: str,
    assignment: str | None,
    feedback: bool,
    again: bool,
    watch: bool,
    on: str,
    workers: int | None,
) -> None:
    """Collect the new submissions of an ASSIGNMENT, grade them in the sandbox, and show the scores.

    For instructors, in a terminal of their notebook server. The gradebook is that of ~/courses/COURSE.
    Stopped in the midst, it goes on with what is left when it is called again.
    """
    if bool(assignment) is watch:
        raise click.UsageError("Name an ASSIGNMENT, or watch all of the course with --watch.")
    with grading(course, on, workers) as grader:
        if not assignment:
            from hpcampus_grading.watching import Watch  # noqa: PLC0415 (takes seconds)

            Watch(grader, click.echo).go_on()
            return
        from hpcampus_grading.grading import grade_assignment  # noqa: PLC0415 (takes seconds)

        complete = grade_assignment(grader, assignment, feedback=feedback, again=again, say=click.echo)
    sys.exit(0 if complete else 1)
