"""An IPython shell whose outputs are kept instead of printed; it runs the cells that a learner may change."""

import inspect
import os
import sys
import types
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Bool, Instance, Type
from traitlets.config import Config

from hpcampus_grading.sandbox.inside.outputs import Outputs


class KeepingHook(DisplayHook):
    """Keeps the value of a cell's last line."""

    def write_output_prompt(self) -> None:
        """There is no prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        """Keep the value in all its forms; in a cell of tests only the tests say what their value is."""
        shell: Any = self.shell
        if shell.testing:
            shell.outputs.data("display_data", format_dict)
        else:
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


class Compiler(CachingCompiler):
    """Says which module its cells are of; else a traceback asks all modules that there are, line by line."""

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        """The name under which the source of a cell is found."""
        name: str = super().cache(transformed_code, number, raw_code)
        for file in (name, os.path.abspath(name)):  # noqa: PTH100 (as `inspect` makes it)
            inspect.modulesbyfile[file] = "__main__"
        return name


class Shell(InteractiveShell):
    """An IPython shell whose outputs are kept instead of printed."""

    compiler_class = Type(Compiler)
    displayhook_class = Type(KeepingHook)
    display_pub_class = Type(KeepingPublisher)
    outputs = Instance(Outputs)
    testing = Bool(False)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        name = getattr(etype, "__name__", str(etype))
        self.outputs.error(name, str(evalue), [str(line) for line in stb])

    def ask_exit(self) -> None:
        """Leaving is an error of the cell that tries it."""
        raise SystemExit("exit() was called")

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen."""


def make_shell(outputs: Outputs) -> Any:
    """The shell that runs the cells; it writes no history file.

    Where a cell failed is said in plain text: to colour it takes longer than to run most cells.
    """
    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    return Shell.instance(user_module=_main_module(), outputs=outputs, config=config)


def _main_module() -> types.ModuleType:
    """The module in which the cells run, with nothing of ours in it."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    return module
