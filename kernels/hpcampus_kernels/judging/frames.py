"""Messages between processes: JSON and arrays, length first. Nothing in them can be code when it is read."""

import io
import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

LENGTH_BYTES = 8
MOST_BYTES = 1 << 30
HEAD = "head"


def write_frame(
    stream: IO[bytes], head: Mapping[str, Any], arrays: Mapping[str, "np.ndarray[Any, Any]"] | None = None
) -> None:
    """Send a message. Names of arrays are their own, so `head` may use the same ones."""
    body = io.BytesIO()
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    named: dict[str, np.ndarray[Any, Any]] = {HEAD: text} | {
        f"array-{name}": array for name, array in (arrays or {}).items()
    }
    np.savez(body, allow_pickle=False, **named)
    data = body.getvalue()
    stream.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, "np.ndarray[Any, Any]"]]:
    """The next message; EOFError at the end, ValueError if it is none."""
    size = int.from_bytes(_exactly(stream, LENGTH_BYTES), "big")
    if size > MOST_BYTES:
        raise ValueError(f"a message of {size} bytes is too long")
    with np.load(io.BytesIO(_exactly(stream, size)), allow_pickle=False) as found:
        head = json.loads(found[HEAD].tobytes())
        return head, {name.removeprefix("array-"): found[name] for name in found.files if name != HEAD}


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("the other process has ended")
    return data
