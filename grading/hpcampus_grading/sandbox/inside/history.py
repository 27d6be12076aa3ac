"""In, Out and the counter, as nbgrader's kernel would leave them after each cell."""

from typing import Any

_LATEST = ("_i", "_ii", "_iii", "_i00")


class History:
    """Enters the cells that don't run through IPython; takes back those that are none of the notebook's."""

    def __init__(self, shell: Any) -> None:
        self._shell, self._manager = shell, shell.history_manager
        self._store = type(self._manager).store_inputs
        self._before: dict[str, Any] = {}
        self._new = ""

    def count_from(self, count: int) -> None:
        """The next cell has this number, also where cells before it could not be run."""
        for entries in (self._manager.input_hist_parsed, self._manager.input_hist_raw):
            entries.extend([""] * (count - len(entries)))
        self._shell.execution_count = count

    def begin(self, source: str, count: int) -> None:
        """Enter a cell; it has its number, and the counter stands at the next."""
        self.count_from(count)
        manager, names = self._manager, self._shell.user_ns
        self._before = {name: names.get(name) for name in ("_i", "_ii", "_iii", "_", "__", "___")}
        self._before |= {f"manager{name}": getattr(manager, name) for name in _LATEST}
        self._new = f"_i{count}"
        self._store(manager, count, source, source)
        self._shell.execution_count = count + 1

    def forget(self) -> None:
        """Take back the cell that `begin` entered."""
        manager, names = self._manager, self._shell.user_ns
        self._shell.execution_count -= 1
        for entries in (manager.input_hist_parsed, manager.input_hist_raw):
            del entries[self._shell.execution_count :]
        for name, value in self._before.items():
            if name.startswith("manager"):
                setattr(manager, name.removeprefix("manager"), value)
            else:
                names[name] = value
        names.pop(self._new, None)
