"""What goes over the pipes between grader and sandbox: JSON with its length before it. Both sides use this.

    grader ── question ──► sandbox      the cell, how long it may take
    grader ── closing ───► sandbox      the nonce; the sandbox takes it out of the pipe when the cell is over,
                                        and ends itself when it isn't this cell's: then somebody took one out
    grader ◄── answer ──── sandbox      what the cell left, with the nonce

While a cell runs, its nonce is in no variable of the process that the cell could walk to.
"""

import json
import os
from typing import Any

HEAD = 4
"""Bytes of the length."""


def pack(message: dict[str, Any]) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message).encode()
    return len(body).to_bytes(HEAD, "big") + body


def length_of(start: bytes | bytearray) -> int:
    """How long the message that begins so is with its head, if it is to be believed; less is only a head."""
    return HEAD + (int.from_bytes(start[:HEAD], "big") if len(start) >= HEAD else 0)


def send(descriptor: int, message: dict[str, Any]) -> None:
    """Send a whole message."""
    data = pack(message)
    while data:
        data = data[os.write(descriptor, data) :]


def receive(descriptor: int) -> dict[str, Any] | None:
    """The next message and not a byte of what follows it; None at the end."""
    head = _exactly(descriptor, HEAD)
    body = _exactly(descriptor, length_of(head) - HEAD) if head else None
    found: dict[str, Any] | None = json.loads(body) if body else None
    return found


def _exactly(descriptor: int, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        chunk = os.read(descriptor, count - len(data))
        if not chunk:
            return None
        data += chunk
    return data
