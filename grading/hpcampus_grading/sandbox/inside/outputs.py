"""The outputs of the cell that runs now, in the notebook format, up to a size."""

import base64
from typing import Any


class Outputs:
    """Keeps what a cell printed and showed."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self.limit = limit
        self.items: list[dict[str, Any]] = []
        self._size = 0

    def reset(self) -> None:
        """Begin a cell."""
        self.items, self._size = [], 0

    def _room_for(self, size: int) -> bool:
        before, self._size = self._size, self._size + size
        if before <= self.limit < self._size:
            self._text("\n[The rest of this cell's output was too long and is left out.]\n")
        return self._size <= self.limit

    def stream(self, text: str) -> None:
        """Something printed. What goes to stderr is kept as stdout: a warning is no wrong answer."""
        room = max(0, self.limit - self._size)
        self._text(text[:room])
        self._room_for(len(text))

    def _text(self, text: str) -> None:
        if self.items and self.items[-1]["output_type"] == "stream":
            self.items[-1]["text"] += text
        elif text:
            self.items.append({"output_type": "stream", "name": "stdout", "text": text})

    def data(self, kind: str, data: dict[str, Any], **more: Any) -> None:
        """Something shown, or the value of the cell's last line."""
        bundle = {mime: _as_text(value) for mime, value in data.items()}
        if self._room_for(sum(map(len, bundle.values()))):
            self.items.append({"output_type": kind, "data": bundle, **more})

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """An exception."""
        self.items.append(self.failure(name, value, traceback))

    def result(self, data: dict[str, Any], count: int) -> dict[str, Any]:
        """The value of a cell of tests, which its last output is; its text alone when it is too much."""
        bundle = {mime: _as_text(value) for mime, value in data.items()}
        if sum(map(len, bundle.values())) > self.limit:
            bundle = {"text/plain": bundle["text/plain"][: self.limit]}
        return {"output_type": "execute_result", "data": bundle, "execution_count": count}

    @staticmethod
    def failure(name: str, value: str, traceback: list[str]) -> dict[str, Any]:
        """An exception as an output."""
        lines = [line[:20_000] for line in traceback[-50:]]
        return {"output_type": "error", "ename": name, "evalue": value[:5000], "traceback": lines}


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if isinstance(value, str) else repr(value)


class Stream:
    """Stands for sys.stdout and sys.stderr."""

    encoding, errors = "utf-8", "strict"

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs

    def write(self, text: str) -> int:
        """Keep some text."""
        self._outputs.stream(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Keep some lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """No."""
        return False
