"""What stands between a learner's code and the rest of the world, as it was tried from the inside.

Each layer is one mechanism of the kernel. What it is there for is a promise, and a promise is kept as long as
one of its layers holds. While one is not, nothing is graded, unless the operator said that it may lack.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from hpcampus_spawner.models import Model

LayerName = Literal["user", "world", "processes", "network", "landlock", "seccomp", "limits"]
Promise = Literal["account", "files", "processes", "network", "limits"]

PROMISES: Mapping[Promise, frozenset[LayerName]] = MappingProxyType(
    {
        "account": frozenset({"user"}),
        "files": frozenset({"world", "landlock"}),
        "processes": frozenset({"processes"}),
        "network": frozenset({"network", "seccomp"}),
        "limits": frozenset({"limits"}),
    }
)


class Layer(Model):
    """One layer; `how` says by what it holds, or why it doesn't; `seconds` is what raising it took."""

    name: LayerName
    holds: bool
    how: str
    seconds: float = 0


def unkept(layers: Iterable[Layer]) -> list[Promise]:
    """The promises that none of these layers keeps."""
    holding = {layer.name for layer in layers if layer.holds}
    return [promise for promise, keepers in PROMISES.items() if not holding & keepers]


def refusal(layers: Iterable[Layer], may_lack: Iterable[Promise]) -> str | None:
    """Why learners' code is not run with these layers, for whoever grades; None when it may be."""
    layers = list(layers)
    lacking = sorted(set(unkept(layers)) - set(may_lack))
    if not lacking:
        return None
    why = "; ".join(f"{layer.name}: {layer.how}" for layer in layers if not layer.holds)
    return (
        "Nothing was graded: the sandbox can't be started here as it should be. "
        f"It lacks {', '.join(lacking)} ({why}). Learners' code is not run like that, unless the setting "
        "SandboxExecute.may_lack names what may be missing; docs/grading.md says what remains then."
    )
