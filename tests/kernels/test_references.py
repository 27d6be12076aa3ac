"""Every reference against somebody else's: SciPy, BLAS or plain Python, at each launch's size and others."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Problem
from hpcampus_kernels.problems.attention import SCALE
from hpcampus_kernels.problems.black_scholes import RATE, VOLATILITY
from hpcampus_kernels.problems.elementary import exponential, logarithm
from hpcampus_kernels.problems.grey import BLUE, GREEN, RED
from hpcampus_kernels.problems.layer_norm import EPSILON
from hpcampus_kernels.problems.mandelbrot import MOST_STEPS
from hpcampus_kernels.problems.n_body import SOFTENING
from hpcampus_kernels.problems.radix_sort_pass import DIGITS
from scipy import ndimage, signal, sparse, special, stats
from scipy.linalg import blas
from scipy.spatial import distance

Answers = tuple[Any, ...]

# Sizes beside those of the launches: larger, and with more than one tile, row or block of everything.
MORE = {
    "grey": (40, 60),
    "transpose": (70, 130),
    "matmul": (41, 70, 300),
    "convolution": (50, 70),
    "heat": (40, 60),
    "life": (40, 60),
    "histogram": (5000, 37),
    "scan": (7, 3000),
    "compaction": (7, 3000),
    "softmax": (20, 500),
    "layer_norm": (20, 500),
    "attention": (601,),
    "n_body": (60,),
    "spmv": (200, 100, 9),
    "k_means": (2000, 12),
    "mandelbrot": (40, 60),
    "radix_sort_pass": (3, 2000),
}


def grey(rgb: Any, _out: Any) -> Answers:
    return (RED * rgb[..., 0] + GREEN * rgb[..., 1] + BLUE * rgb[..., 2],)


def heat(u: Any, rate: Any, _out: Any) -> Answers:
    after = u + rate * ndimage.convolve(u, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float64)
    edge = np.ones(u.shape, np.bool_)
    edge[1:-1, 1:-1] = False
    return (np.where(edge, u, after),)


def life(cells: Any, _out: Any) -> Answers:
    rows, columns = cells.shape
    answer = np.zeros_like(cells)
    for r, c in itertools.product(range(rows), range(columns)):
        near = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        around = sum(cells[(r + i) % rows, (c + j) % columns] for i, j in near)
        answer[r, c] = around == 3 or (around == 2 and cells[r, c])
    return (answer,)


def histogram(levels: Any, counts: Any) -> Answers:
    bins = counts.size
    return (np.histogram(levels, bins=bins, range=(-0.5, bins - 0.5))[0],)


def compaction(x: Any, kept: Any, _counts: Any) -> Answers:
    rows = [[value for value in row if value > 0] for row in x]
    full = [row + list(rest[len(row) :]) for row, rest in zip(rows, kept, strict=True)]
    return np.array(full, np.float32).reshape(x.shape), np.array([len(row) for row in rows])


def layer_norm(x: Any, scale: Any, shift: Any, _out: Any) -> Answers:
    wide = x.astype(np.float64)
    variance = wide.var(axis=1, keepdims=True)
    # z-scores know no epsilon: a row of equal values has none.
    scores = np.nan_to_num(stats.zscore(wide, axis=1)) if variance.all() else wide - wide
    return (scores * np.sqrt(variance / (variance + EPSILON)) * scale + shift,)


def attention(q: Any, k: Any, v: Any, _out: Any) -> Answers:
    wide = q.astype(np.float64)
    return (special.softmax(wide @ k.T * SCALE, axis=1) @ v if len(q) else v,)


def n_body(bodies: Any, pull: Any) -> Answers:
    answer = np.zeros(pull.shape)
    for i, j in itertools.product(range(pull.shape[1]), repeat=2):
        apart = bodies[:3, j].astype(np.float64) - bodies[:3, i]
        answer[:, i] += bodies[3, j] * apart / (apart @ apart + SOFTENING) ** 1.5
    return (answer,)


def spmv(values: Any, columns: Any, offsets: Any, x: Any, y: Any) -> Answers:
    return (sparse.csr_array((values, columns, offsets), (y.size, x.size)) @ x,)


def k_means(points: Any, centres: Any, _labels: Any, _sums: Any, _counts: Any) -> Answers:
    labels = distance.cdist(points.T, centres, "sqeuclidean").argmin(axis=1)
    members = [points.T[labels == c] for c in range(len(centres))]
    return labels, np.concatenate([m.sum(axis=0) for m in members]), np.array([len(m) for m in members])


def mandelbrot(left: Any, top: Any, step: Any, steps: Any) -> Answers:
    answer = np.zeros(steps.shape)
    for row, column in np.ndindex(*steps.shape):
        c = z = complex(left + np.float32(column) * step, top + np.float32(row) * step)
        while answer[row, column] < MOST_STEPS and abs(z) <= 2:
            z = z * z + c
            answer[row, column] += 1
    return (answer,)


def black_scholes(spot: Any, strike: Any, years: Any, _call: Any, _put: Any) -> Answers:
    s, k, t = (array.astype(np.float64) for array in (spot, strike, years))
    spread = VOLATILITY * np.sqrt(t)
    d = (np.log(s / k) + (RATE + VOLATILITY**2 / 2) * t) / spread
    later, normal = k * np.exp(-RATE * t), stats.norm.cdf
    return s * normal(d) - later * normal(d - spread), later * normal(spread - d) - s * normal(-d)


def monte_carlo_pi(seed: Any, darts: Any, _hits: Any) -> Answers:
    hits = 0
    for i in range(darts):
        bits = i ^ seed
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            bits = (bits ^ (bits >> shift)) * factor % (1 << 32)
        bits ^= bits >> 16
        hits += (bits % (1 << 16)) ** 2 + (bits >> 16) ** 2 < 1 << 32
    return (np.array([hits]),)


def radix_sort_pass(keys: Any, shift: Any, _out: Any) -> Answers:
    rows = [sorted(row, key=lambda key: key // 2**shift % DIGITS) for row in keys.tolist()]
    return (np.array(rows, np.uint32).reshape(keys.shape),)


OTHERS: dict[str, Callable[..., Answers]] = {
    "vector_add": lambda x, y, out: ([a + b for a, b in zip(x, y, strict=True)],),
    "saxpy": lambda a, x, y: (blas.saxpy(x, y.copy(), a=a) if x.size else y,),
    "grey": grey,
    "transpose": lambda matrix, out: (np.array(list(zip(*matrix, strict=True))).reshape(out.shape),),
    "matmul": lambda a, b, c: (blas.sgemm(1, a, b) if a.size and b.size else np.zeros(c.shape),),
    "convolution": lambda image, weights, out: (
        signal.correlate(image, weights, "same") if image.size else image,
    ),
    "heat": heat,
    "life": life,
    "reduction": lambda x, total: ([math.fsum(x)],),
    "dot": lambda x, y, product: ([math.fsum(x.astype(np.float64) * y)],),
    "histogram": histogram,
    "scan": lambda x, out: (np.array([list(itertools.accumulate(row)) for row in x]).reshape(x.shape),),
    "compaction": compaction,
    "softmax": lambda x, out: (special.softmax(x, axis=1),),
    "layer_norm": layer_norm,
    "attention": attention,
    "n_body": n_body,
    "spmv": spmv,
    "k_means": k_means,
    "mandelbrot": mandelbrot,
    "black_scholes": black_scholes,
    "monte_carlo_pi": monte_carlo_pi,
    "radix_sort_pass": radix_sort_pass,
}


def disagreement(problem: Problem, size: tuple[int, ...], seed: int) -> str:
    """The first output that others see otherwise, and how far apart they are at most; nothing if none."""
    arguments = problem.arguments(size, np.random.default_rng(seed))
    before = [np.copy(value) for value in arguments]
    answers = problem.reference(*arguments)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, arguments, strict=True))
    others = map(np.asarray, OTHERS[problem.name](*arguments))
    for name, answer, other in zip(problem.outputs, answers, others, strict=True):
        assert answer.dtype == np.asarray(arguments[problem.parameters.index(name)]).dtype, name
        assert answer.shape == other.shape, name
        if problem.tolerance.wrong(answer, other).any():
            return f"{name} at size {size}: {np.abs(answer - other).max()} apart"
    return ""


@pytest.mark.parametrize("name", PROBLEMS)
def test_others_say_the_same(name: str) -> None:
    problem = PROBLEMS[name]
    sizes = {case.size for case in (*problem.cases, *problem.edges)} | {MORE.get(name, (3000,))}
    found = [disagreement(problem, size, seed) for size in sorted(sizes) for seed in (1, 2)]
    assert list(filter(None, found)) == []


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_cpu_version_is_right_for_more_than_one_tile(name: str) -> None:
    problem = PROBLEMS[name]
    arguments = problem.arguments(MORE.get(name, (20_001,)), np.random.default_rng(3))
    answers = problem.reference(*arguments)
    problem.cpu(*arguments)
    after = dict(zip(problem.parameters, arguments, strict=True))
    for output, answer in zip(problem.outputs, answers, strict=True):
        assert not problem.tolerance.wrong(np.asarray(after[output]), answer).any()


# A mean of nothing, and the nearest of no centres, have no meaning.
AT_LEAST = {"layer_norm": (0, 1), "k_means": (0, 1)}


@pytest.mark.parametrize("name", PROBLEMS)
def test_sizes_may_be_0_in_any_direction(name: str) -> None:
    problem = PROBLEMS[name]
    extents = [range(least, 3) for least in AT_LEAST.get(name, (0,) * len(problem.cases[0].size))]
    for size in itertools.product(*extents):
        arguments = problem.arguments(size, np.random.default_rng(3))
        answers = problem.reference(*arguments)
        problem.cpu(*arguments)
        after = dict(zip(problem.parameters, arguments, strict=True))
        for output, answer in zip(problem.outputs, answers, strict=True):
            assert not problem.tolerance.wrong(np.asarray(after[output]), answer).any(), size
        assert min(*problem.launch(size).grid, problem.flops(size) + 1, problem.bytes_moved(size) + 1) >= 1


def test_every_problem_has_another_opinion() -> None:
    assert list(OTHERS) == list(PROBLEMS)


def test_the_exponential_for_vectors_is_right_to_float32() -> None:
    x = np.linspace(-86.9, 87.9, 20_001).astype(np.float32)
    right = np.exp(x.astype(np.float64))
    got = np.array([exponential(value) for value in x])
    assert {str(compiled.signature.return_type) for compiled in exponential.overloads.values()} == {"float32"}
    assert np.max(np.abs(got / right - 1)) < 4e-7
    assert [float(exponential(np.float32(value))) for value in (-np.inf, -200, 0)] == [0, 0, 1]


def test_enough_darts_come_near_pi() -> None:
    hits = PROBLEMS["monte_carlo_pi"].reference(12345, 1_000_000, np.zeros(1, np.int32))[0]
    # The standard deviation of 4 hits / darts is 1.6e-3 here.
    assert abs(4 * hits[0] / 1_000_000 - math.pi) < 5e-3


def test_the_logarithm_for_vectors_is_right_to_float32() -> None:
    x = np.concatenate([np.geomspace(1e-37, 3e38, 2000), np.linspace(0.5, 2, 2001)]).astype(np.float32)
    got = np.array([logarithm(value) for value in x])
    right = np.log(x.astype(np.float64))
    assert np.all(np.abs(got - right) <= 2e-7 * np.maximum(1, np.abs(right)))
