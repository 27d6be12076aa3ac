"""y = a x + y, in place ("single-precision a x plus y"), with a loop that strides over the whole grid."""

import numpy as np

from hpcampus_kernels.backend import cuda, njit
from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """a in [1, 2); x and y in [1, 2), so that doing an element twice always changes its value."""
    x, y = (rng.uniform(1, 2, size).astype(np.float32) for _ in range(2))
    return np.float32(rng.uniform(1, 2)), x, y


def reference(a: np.float32, x: Array, y: Array) -> Array:
    """NumPy's answer."""
    return np.asarray(a * x + y)


@njit
def cpu(a: np.float32, x: Array, y: Array) -> None:
    """The same as a loop, compiled for the CPU."""
    for i in range(y.size):
        y[i] = a * x[i] + y[i]


@cuda.jit
def gpu(a: np.float32, x: Array, y: Array) -> None:
    """Each thread takes its element, then steps on by as many elements as the grid has threads."""
    # Any launch shape is right: range is empty for threads that start behind the end.
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


PROBLEM = Problem(
    name="saxpy",
    parameters=("a", "x", "y"),
    output="y",
    writes="once",
    arguments=arguments,
    reference=reference,
    cpu=cpu,
    gpu=gpu,
    flops=lambda size: 2 * size[0],
    bytes_moved=lambda size: 3 * 4 * size[0],
    tolerance=Tolerance(3e-7, 0.0, "one or two roundings of float32 (6e-8 each): a GPU may fuse the two"),
    cases=(
        Case((96,), (3,), (32,)),
        Case((100,), (4,), (32,)),
        Case((1000,), (3,), (32,)),
        Case((500,), (1,), (64,)),
        Case((1,), (2,), (32,)),
    ),
)
