"""Run a kernel once and keep what it did: traced on the simulator, between guard zones on a GPU."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcampus_kernels import backend
from hpcampus_kernels.problem import Argument, Array, Case, Kernel
from hpcampus_kernels.simulator.launch import BUDGET, observe
from hpcampus_kernels.trace import Trace, traced

# Elements before and after each array on a GPU. They are read back to see whether a kernel strayed into them.
GUARD = 1024


@dataclass(frozen=True)
class Run:
    """What one launch left: every array afterwards, and what was seen on the way.

    `trace` exists on the simulator only, `damaged` (arrays around which something was written) on a GPU only.
    `error` is the exception that stopped the kernel, if one did.
    """

    before: Mapping[str, Argument]
    after: Mapping[str, Array]
    trace: Trace | None = None
    damaged: tuple[str, ...] = ()
    error: BaseException | None = None


def observed(
    kernel: Any,
    case: Case,
    arguments: Mapping[str, Argument],
    shared_bytes: int = 0,
    budget: int = BUDGET,
) -> Run:
    """Launch on the simulator, with every access written down."""
    after = {name: array.copy() for name, array in _arrays(arguments).items()}
    values = [after.get(name, value) for name, value in arguments.items()]
    seen = observe(kernel, case.grid, case.block, *values, shared_bytes=shared_bytes, budget=budget)
    return Run(before=arguments, after=after, trace=traced(seen, after), error=seen.error)


def guarded(kernel: Kernel, case: Case, arguments: Mapping[str, Argument], shared_bytes: int = 0) -> Run:
    """Launch on a GPU, with every array between two guard zones of random bytes.

    It sees writes that land near an array. Reads outside, and writes far away, end in the driver's error or
    in nothing at all: the simulator is the better witness.
    """
    rng = np.random.default_rng()
    arrays = _arrays(arguments)
    zones = {name: _between_guards(array, rng) for name, array in arrays.items()}
    try:
        memory = {name: backend.cuda.to_device(zone) for name, zone in zones.items()}
        views = {name: _inside(memory[name], array) for name, array in arrays.items()}
        values = [views.get(name, value) for name, value in arguments.items()]
        error = _launch(kernel, case, values, shared_bytes)
        back = {name: zone.copy_to_host() for name, zone in memory.items()}
    except Exception as failure:  # a driver that gave up, in this launch or an earlier one
        return Run(before=arguments, after={}, error=failure)
    return Run(
        before=arguments,
        after={name: _inside(back[name], array) for name, array in arrays.items()},
        damaged=tuple(name for name in zones if _guards(zones[name]) != _guards(back[name])),
        error=error,
    )


def _arrays(arguments: Mapping[str, Argument]) -> dict[str, Array]:
    return {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}


def _launch(kernel: Kernel, case: Case, arguments: list[Any], shared_bytes: int) -> Exception | None:
    with warnings.catch_warnings():
        # A GPU doesn't warn when a number overflows; neither must NumPy, which plays the GPU.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            kernel[case.grid, case.block, 0, shared_bytes](*arguments)
            backend.cuda.synchronize()
        except Exception as error:  # whatever the learner's code raises becomes an explanation
            return error
    return None


def _between_guards(data: Array, rng: np.random.Generator) -> Array:
    zone = np.frombuffer(rng.bytes((data.size + 2 * GUARD) * data.itemsize), data.dtype).copy()
    zone[GUARD : GUARD + data.size] = data.ravel()
    return zone


def _inside(zone: Any, data: Array) -> Any:
    return zone[GUARD : GUARD + data.size].reshape(data.shape)


def _guards(zone: Array) -> tuple[bytes, bytes]:
    return zone[:GUARD].tobytes(), zone[-GUARD:].tobytes()
