"""The model of a course, and where the courses that HPCampus ships are found."""
