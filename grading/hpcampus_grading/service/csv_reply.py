"""How a route answers with a table."""

from typing import Any

from fastapi import Response

_CSV = "text/csv"
CSV_REPLY: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {_CSV: {"schema": {"type": "string"}}},
        "description": "One row a learner and assignment.",
    }
}


def csv_reply(name: str, text: str) -> Response:
    """The table as a file of that name."""
    disposition = f'attachment; filename="{name}.csv"'
    return Response(text, media_type=_CSV, headers={"Content-Disposition": disposition})
