"""Installed with hpcampus-grading: notebook servers of a hub start without what nobody has opened yet."""

import os

from hpcampus_grading.parts import configure

configure(get_config(), os.environ)  # type: ignore[name-defined]  # noqa: F821 (traitlets provides it)
