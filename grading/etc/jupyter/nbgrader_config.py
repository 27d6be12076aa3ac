"""Installed with hpcampus-grading: nbgrader's programs and panels use the exchange and the sandbox."""

from hpcampus_grading.nbgrader_settings import configure

configure(get_config())  # type: ignore[name-defined]  # noqa: F821 (traitlets provides it)
