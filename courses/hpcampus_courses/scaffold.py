"""The first files of a new course, from the templates beside this module."""

import shutil
from pathlib import Path
from string import Template

import yaml
from hpcampus_spawner.models import BadFile
from pydantic import TypeAdapter, ValidationError

from hpcampus_courses.catalogue import COURSE_FILE
from hpcampus_courses.model import Slug

TEMPLATE = Path(__file__).with_name("template")


def write_course(courses: Path, slug: str, title: str) -> Path:
    """Write a course with one small lesson into a new folder; raises `BadFile` if it can't be called so."""
    try:
        TypeAdapter(Slug).validate_python(slug)
    except ValidationError as error:
        raise BadFile(
            f"{slug!r} can't name a course: take 2 to 30 small letters, digits and hyphens, a letter first"
        ) from error
    folder = courses / slug
    if folder.exists():
        raise BadFile(f"{folder} is there already: nothing was written")
    shutil.copytree(TEMPLATE, folder)
    path = folder / COURSE_FILE
    quoted = yaml.safe_dump(title, default_style='"').strip()
    path.write_text(
        Template(path.read_text(encoding="utf-8")).substitute(slug=slug, title=quoted), encoding="utf-8"
    )
    return folder
