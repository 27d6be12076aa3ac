"""The part inside the sandbox: runs the cells that come over a pipe, one at a time, and answers with outputs.

One file that needs IPython only. Nothing here is trusted by the side that reads the answers: the limits below
keep honest mistakes cheap, and the walls around this process hold whatever it turns into.
"""

import base64
import json
import os
import resource
import shutil
import signal
import sys
import types
from pathlib import Path
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Instance, Type

FILES = "/campus/files"
CAPTURE = "/tmp/.output"  # noqa: S108 (the sandbox's own)


class CellTimeoutError(BaseException):
    """A cell that ran too long; not an Exception, so that `except Exception` doesn't hide it."""


class Outputs:
    """The outputs of the cell that runs now, in the notebook format, up to a size."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.items: list[dict[str, Any]] = []
        self._size = 0

    def reset(self) -> None:
        """Begin a cell."""
        self.items, self._size = [], 0

    def _room_for(self, size: int) -> bool:
        before, self._size = self._size, self._size + size
        if before <= self._limit < self._size:
            self._text("\n[The rest of this cell's output was too long and is left out.]\n")
        return self._size <= self._limit

    def stream(self, text: str) -> None:
        """Something printed. What goes to stderr is kept as stdout: a warning is no wrong answer."""
        room = max(0, self._limit - self._size)
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
        lines = [line[:20_000] for line in traceback[-50:]]
        self.items.append({"output_type": "error", "ename": name, "evalue": value[:5000], "traceback": lines})


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


class KeepingHook(DisplayHook):
    """Keeps the value of a cell's last line."""

    def write_output_prompt(self) -> None:
        """There is no prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        """Keep the value in all its forms."""
        shell: Any = self.shell
        shell.outputs.data("execute_result", format_dict, execution_count=self.prompt_count)

    def finish_displayhook(self) -> None:
        """No line to end."""
        self._is_active = False


class KeepingPublisher(DisplayPublisher):
    """Keeps what is displayed."""

    def publish(self, data: dict[str, Any], *_: Any, **__: Any) -> None:
        """Keep one thing in all its forms."""
        self.shell.outputs.data("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what this cell showed so far."""
        self.shell.outputs.reset()


class Shell(InteractiveShell):
    """An IPython shell whose outputs are kept instead of printed."""

    displayhook_class = Type(KeepingHook)
    display_pub_class = Type(KeepingPublisher)
    outputs = Instance(Outputs)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        name = getattr(etype, "__name__", str(etype))
        self.outputs.error(name, str(evalue), [str(line) for line in stb])

    def ask_exit(self) -> None:
        """Leaving is an error of the cell that tries it."""
        raise SystemExit("exit() was called")

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen."""


def make_shell(outputs: Outputs) -> Any:
    """The shell that runs the cells; it writes no history file."""
    shell: Any = Shell.instance(user_module=_main_module(), outputs=outputs)
    shell.history_manager.enabled = False
    return shell


def _main_module() -> types.ModuleType:
    """The module in which the cells run, with nothing of this file in it."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    return module


def run_cell(shell: Any, outputs: Outputs, request: dict[str, Any]) -> dict[str, Any]:
    """Run one cell for at most its time, and gather everything it left."""
    outputs.reset()
    seconds = float(request["seconds"])

    def too_long(*_: Any) -> None:
        raise CellTimeoutError(f"this cell ran for more than {seconds:g} seconds and was stopped")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    failed: BaseException | None = None
    try:
        result = shell.run_cell(request["source"], store_history=request["history"])
        failed = result.error_before_exec or result.error_in_exec
    except BaseException as error:  # the time ended inside of IPython's own code, for example
        failed = error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if text := _captured():
        outputs.stream(text)
    name = type(failed).__name__
    if failed is not None and not any(item.get("ename") == name for item in outputs.items):
        outputs.error(name, str(failed), [f"{name}: {failed}"])
    return {"nonce": request["nonce"], "outputs": outputs.items, "execution_count": shell.execution_count - 1}


def _captured() -> str:
    """What C code and child processes wrote to the real stdout and stderr since the last cell."""
    with Path(CAPTURE).open("r+b", buffering=0) as file:
        data = file.read(1 << 20) or b""
        file.truncate(0)
    return data.decode("utf-8", "replace")


def set_limits(settings: dict[str, Any]) -> None:
    """Limits that nothing inside can raise again."""
    for name, value in settings["rlimits"].items():
        limit = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(limit)[1]
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (lowest, lowest))


def main() -> None:
    """Serve cells until the pipe ends."""
    settings = json.loads(sys.argv[1])
    set_limits(settings)
    inbox = os.fdopen(os.dup(0), encoding="utf-8")
    outbox = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, CAPTURE, os.O_RDWR | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags, 0o600), descriptor)
    os.dup2(1, 2)
    home = str(Path.cwd())
    shutil.copytree(FILES, home, dirs_exist_ok=True)
    sys.path[:0] = [home, *settings["paths"]]
    outputs = Outputs(settings["output_bytes"])
    shell = make_shell(outputs)
    sys.stdout = sys.stderr = Stream(outputs)
    print(json.dumps({"ready": True}), file=outbox, flush=True)
    for line in inbox:
        print(json.dumps(run_cell(shell, outputs, json.loads(line))), file=outbox, flush=True)


if __name__ == "__main__":
    main()
