"""Attention: softmax(q k^T / sqrt(HEAD)) v, without storing a score.

A softmax of values that come one by one: Milakov and Gimelshein 2018; in attention: Dao and others 2022.
"""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

# The length of a query, a key and a value.
HEAD = 32
SCALE = np.float32(HEAD**-0.5)


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Queries, keys and values of (length, HEAD), and an output full of NaN. Scores reach about 20."""
    q, k, v = (rng.uniform(-1, 1, (size[0], HEAD)).astype(np.float32) for _ in range(3))
    return q * np.float32(12), k, v, np.full((size[0], HEAD), np.nan, np.float32)


def reference(q: Array, k: Array, v: Array, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    scores = (q @ k.T) * SCALE
    shares = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return (shares @ v / shares.sum(axis=1, keepdims=True),)


def launch(size: Shape) -> Case:
    """A thread for each query."""
    return Case(size, (blocks_for(size[0], 128),), (128,))


PROBLEM = Problem(
    module=__name__,
    parameters=("q", "k", "v", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 4 * size[0] ** 2 * HEAD,
    bytes_moved=lambda size: 4 * 4 * size[0] * HEAD,
    tolerance=Tolerance(2e-5, 1e-5, "scores near 20 are known to 2e-6, and exp makes that a relative error"),
    launch=launch,
    # The last tile of keys is full, ragged, or the only one.
    cases=(
        Case((20,), (1,), (32,)),
        Case((33,), (2,), (32,)),
        Case((32,), (1,), (32,)),
        Case((40,), (1,), (64,)),
    ),
    edges=(Case((0,), (1,), (32,)), Case((1,), (1,), (32,)), Case((2,), (2,), (32,))),
)
