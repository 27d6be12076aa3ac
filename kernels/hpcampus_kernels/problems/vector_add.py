"""Add two vectors: one thread for each element, and a guard for the threads that have none."""

import numpy as np

from hpcampus_kernels.backend import cuda, njit
from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """x and y in [-1, 1), and an output full of NaN, so that an element that nobody wrote is seen."""
    x, y = (rng.uniform(-1, 1, size).astype(np.float32) for _ in range(2))
    return x, y, np.full(size, np.nan, np.float32)


def reference(x: Array, y: Array, out: Array) -> Array:
    """NumPy's answer."""
    return np.asarray(x + y)


@njit
def cpu(x: Array, y: Array, out: Array) -> None:
    """The same as a loop, compiled for the CPU."""
    for i in range(out.size):
        out[i] = x[i] + y[i]


@cuda.jit
def gpu(x: Array, y: Array, out: Array) -> None:
    """One thread, one element."""
    i = cuda.grid(1)
    # The last block is rarely full: without the guard its spare threads would leave the arrays.
    if i < out.size:
        out[i] = x[i] + y[i]


PROBLEM = Problem(
    name="vector_add",
    parameters=("x", "y", "out"),
    output="out",
    writes="once",
    arguments=arguments,
    reference=reference,
    cpu=cpu,
    gpu=gpu,
    flops=lambda size: size[0],
    bytes_moved=lambda size: 3 * 4 * size[0],
    tolerance=EXACT,
    cases=(
        Case((64,), (2,), (32,)),
        Case((100,), (4,), (32,)),
        Case((257,), (3,), (128,)),
        Case((1,), (1,), (32,)),
        Case((33,), (4,), (32,)),
    ),
)
