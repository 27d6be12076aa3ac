"""Leaves out what costs a second of every start and is used by nobody."""

import sys

NOT_NEEDED = "rfc3987_syntax"
"""Compiles grammars for a second whenever jsonschema is imported. Without it, jsonschema leaves the formats
"iri" and "iri-reference" unchecked, which no schema of JupyterHub, nbgrader or a notebook has."""


def leave_out_what_nobody_needs() -> None:
    """Make its import fail as if it weren't installed; call this before jsonschema is imported."""
    sys.modules.setdefault(NOT_NEEDED, None)  # type: ignore[arg-type]
