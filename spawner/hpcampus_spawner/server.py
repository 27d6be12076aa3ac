"""The notebook server's process on the node: imports what it needs, then waits for the hub's answer.

Importing is most of a start, so it goes on while the wrapper still reports to the hub. The answer comes as
one JSON object on stdin: {"environment": {...}, "arguments": [...]}; without one the process ends.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from hpcampus_spawner.lean_imports import NOT_NEEDED, leave_out_what_nobody_needs

# What JupyterHub's single-user server imports but only a hub uses, with the few names that are asked for.
# The hub's pages, database and roles, and SQLAlchemy with them, are half of the imports of a stock start.
_OF_THE_HUB: dict[str, dict[str, Any]] = {
    "jupyterhub.handlers": {},
    "jupyterhub.handlers.pages": {"HealthCheckHandler": type("HealthCheckHandler", (), {})},
    "jupyterhub.orm": {},
    "jupyterhub.roles": {},
    "sqlalchemy": {"func": None},
    "sqlalchemy.exc": {"SQLAlchemyError": type("SQLAlchemyError", (Exception,), {})},
}


def main() -> None:
    """Become JupyterHub's single-user server."""
    try:
        serve = _import_server()
    except Exception as error:
        print(f"The server takes the slow way: {type(error).__name__}: {error}", flush=True)
        serve = _become_the_stock_server
    order = sys.stdin.read()
    if not order:
        return
    answer = json.loads(order)
    os.environ.update({str(name): str(value) for name, value in answer["environment"].items()})
    sys.argv = ["jupyterhub-singleuser", *map(str, answer["arguments"])]
    # Kernels and terminals must not find the end of this pipe as their input.
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    serve()


def _import_server() -> Callable[[], None]:
    """Everything that a server imports in any case.

    Nothing of it looks at the hub's environment yet, but for the names of TLS's files, which the wrapper set.
    """
    with _stand_ins():
        extension = importlib.import_module("jupyterhub.singleuser.extension")
    # Asks Yarn for its registry while it is imported, which starts Node.js twice.
    commands: Any = importlib.import_module("jupyterlab.commands")
    commands._yarn_config = lambda logger: {"yarn config": {}, "npm config": {}}
    importlib.import_module("jupyterlab.labapp")
    main: Callable[[], None] = extension.main
    return main


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Empty modules in place of the hub's own; whoever asks for them later gets the real ones."""
    package = importlib.import_module("jupyterhub")
    # The package's own first lines import the hub's pages. The module in it that we want stands alone.
    singleuser = ModuleType("jupyterhub.singleuser")
    singleuser.__path__ = [str(Path(folder) / "singleuser") for folder in package.__path__]
    sys.modules["jupyterhub.singleuser"] = singleuser
    for name, attributes in _OF_THE_HUB.items():
        module = ModuleType(name)
        module.__path__ = []
        vars(module).update(attributes)
        sys.modules[name] = module
    leave_out_what_nobody_needs()
    try:
        yield
    finally:
        for name in (*_OF_THE_HUB, NOT_NEEDED):
            sys.modules.pop(name, None)


def _become_the_stock_server() -> None:
    """What JupyterHub itself would start, in a fresh process: for versions that the above doesn't fit."""
    os.execv(  # noqa: S606 - there is no shell to inject into
        sys.executable, [sys.executable, "-P", "-m", "jupyterhub.singleuser", *sys.argv[1:]]
    )


if __name__ == "__main__":
    main()
