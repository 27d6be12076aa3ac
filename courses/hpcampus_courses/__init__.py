"""The model of a course, and where the courses that HPCampus ships are found."""

from hpcampus_spawner.models import BadFile

from hpcampus_courses.catalogue import Catalogue
from hpcampus_courses.model import Assignment, Course, Credit, Session

__all__ = ["Assignment", "BadFile", "Catalogue", "Course", "Credit", "Session"]
