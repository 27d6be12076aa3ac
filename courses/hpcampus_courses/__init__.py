"""The model of a course, and where the courses that HPCampus ships are found."""

from hpcampus_spawner.models import BadFile

from hpcampus_courses.catalogue import Catalogue
from hpcampus_courses.deadline import Deadline, LateStep, Standing
from hpcampus_courses.model import Accepts, Assignment, Course, Credit, OnSubmission, Session

__all__ = [
    "Accepts",
    "Assignment",
    "BadFile",
    "Catalogue",
    "Course",
    "Credit",
    "Deadline",
    "LateStep",
    "OnSubmission",
    "Session",
    "Standing",
]
