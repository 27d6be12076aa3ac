"""What people would write with NumPy or SciPy in place of the CPU versions of the exercises' kernels.

Each rival is prepared with the arguments of its problem (a sparse matrix is built, an output allocated) and
returns what is timed. Where NumPy and SciPy both have an answer, or NumPy has two, each is a rival.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hpcampus_kernels import PROBLEMS
from hpcampus_kernels.problems.attention import SCALE
from hpcampus_kernels.problems.black_scholes import DRIFT, RATE, VOLATILITY
from hpcampus_kernels.problems.grey import BLUE, GREEN, RED
from hpcampus_kernels.problems.layer_norm import EPSILON
from hpcampus_kernels.problems.n_body import SOFTENING
from hpcampus_kernels.problems.radix_sort_pass import DIGITS
from scipy import signal, sparse, special

Prepare = Callable[..., Callable[[], object]]


def saxpy(a: Any, x: Any, y: Any) -> Callable[[], object]:
    product = np.empty_like(x)

    def run() -> None:
        np.multiply(x, a, out=product)
        np.add(y, product, out=y)

    return run


def heat(u: Any, rate: Any, out: Any) -> Callable[[], object]:
    def run() -> None:
        middle = u[1:-1, 1:-1]
        around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
        out[:] = u
        out[1:-1, 1:-1] += rate * (around - np.float32(4) * middle)

    return run


def life_by_roll(cells: Any, out: Any) -> Callable[[], object]:
    def run() -> None:
        rows = cells + np.roll(cells, 1, 0) + np.roll(cells, -1, 0)
        around = rows + np.roll(rows, 1, 1) + np.roll(rows, -1, 1)
        out[:] = (around == 3) | ((around == 4) & (cells == 1))

    return run


def life_by_convolution(cells: Any, out: Any) -> Callable[[], object]:
    nine = np.ones((3, 3), np.int8)

    def run() -> None:
        around = signal.convolve2d(cells, nine, mode="same", boundary="wrap")
        out[:] = (around == 3) | ((around == 4) & (cells == 1))

    return run


def bincount(levels: Any, counts: Any) -> Callable[[], object]:
    def run() -> None:
        bins = counts.size
        counts[:] = np.bincount(levels[(levels >= 0) & (levels < bins)], minlength=bins)

    return run


def softmax(x: Any, out: Any) -> Callable[[], object]:
    def run() -> None:
        np.exp(x - x.max(axis=1, keepdims=True), out=out)
        np.divide(out, out.sum(axis=1, keepdims=True), out=out)

    return run


def layer_norm(x: Any, scale: Any, shift: Any, out: Any) -> Callable[[], object]:
    def run() -> None:
        mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
        out[:] = (x - mean) / np.sqrt(variance + EPSILON) * scale + shift

    return run


def attention(q: Any, k: Any, v: Any, out: Any) -> Callable[[], object]:
    def run() -> None:
        shares = (q @ k.T) * SCALE
        np.exp(shares - shares.max(axis=1, keepdims=True), out=shares)
        np.divide(shares @ v, shares.sum(axis=1, keepdims=True), out=out)

    return run


def k_means(points: Any, centres: Any, labels: Any, sums: Any, counts: Any) -> Callable[[], object]:
    k, dimensions = centres.shape

    def run() -> None:
        squares = (centres**2).sum(axis=1)[:, None] - np.float32(2) * (centres @ points)
        labels[:] = squares.argmin(axis=0)
        for d in range(dimensions):
            sums[d::dimensions] += np.bincount(labels, weights=points[d], minlength=k).astype(np.float32)
        counts[:] += np.bincount(labels, minlength=k).astype(np.int32)

    return run


def spmv(values: Any, columns: Any, offsets: Any, x: Any, y: Any) -> Callable[[], object]:
    matrix = sparse.csr_array((values, columns, offsets), (y.size, x.size))
    return lambda: matrix @ x


def n_body(bodies: Any, pull: Any) -> Callable[[], object]:
    x, y, z, masses = bodies

    def run() -> None:
        dx, dy, dz = x - x[:, None], y - y[:, None], z - z[:, None]
        weights = (dx**2 + dy**2 + dz**2 + SOFTENING) ** np.float32(-1.5) * masses
        for d, apart in enumerate((dx, dy, dz)):
            pull[d] = (apart * weights).sum(axis=1)

    return run


def black_scholes(spot: Any, strike: Any, years: Any, call: Any, put: Any) -> Callable[[], object]:
    def run() -> None:
        spread = VOLATILITY * np.sqrt(years)
        d = (np.log(spot / strike) + DRIFT * years) / spread
        later = strike * np.exp(-RATE * years)
        call[:] = spot * special.ndtr(d) - later * special.ndtr(d - spread)
        put[:] = call + later - spot

    return run


def monte_carlo_pi(seed: Any, darts: Any, hits: Any) -> Callable[[], object]:
    rng = np.random.default_rng(seed)

    def run() -> None:
        x, y = rng.random(darts, np.float32), rng.random(darts, np.float32)
        hits[0] = np.count_nonzero(x * x + y * y < np.float32(1))

    return run


def reference(name: str) -> dict[str, Prepare]:
    """The problem's own reference in NumPy, where that is what people write."""
    return {"np": lambda *arguments: lambda: PROBLEMS[name].reference(*arguments)}


RIVALS: dict[str, dict[str, Prepare]] = {
    "vector_add": {"np.add in place": lambda x, y, out: lambda: np.add(x, y, out=out)},
    "saxpy": {"np in two passes, in place": saxpy},
    "grey": {
        "np matmul": lambda rgb, out: lambda: np.matmul(rgb, np.array([RED, GREEN, BLUE]), out=out),
    },
    "transpose": {"np copy of A.T": lambda matrix, out: lambda: np.copyto(out, matrix.T)},
    "matmul": {"np A @ B (BLAS)": lambda a, b, c: lambda: np.matmul(a, b, out=c)},
    "convolution": {
        "scipy.signal.correlate, direct": lambda image, weights, out: (
            lambda: signal.correlate(image, weights, "same", "direct")
        ),
        "scipy.signal.correlate, fft": lambda image, weights, out: (
            lambda: signal.correlate(image, weights, "same", "fft")
        ),
    },
    "heat": {"np slices": heat},
    "life": {"np.roll": life_by_roll, "scipy.signal.convolve2d": life_by_convolution},
    "reduction": {"np x.sum()": lambda x, total: lambda: x.sum(out=total[0:1].reshape(()))},
    "dot": {"np.dot (BLAS)": lambda x, y, product: lambda: np.dot(x, y)},
    "histogram": {
        "np.histogram": lambda levels, counts: lambda: np.histogram(levels, counts.size, (0, counts.size)),
        "np.bincount": bincount,
    },
    "scan": {"np.cumsum": lambda x, out: lambda: np.cumsum(x, axis=1, out=out)},
    "compaction": {"np x[x > 0]": lambda x, kept, counts: lambda: x[x > 0]},
    "softmax": {"np": softmax, "scipy.special.softmax": lambda x, out: lambda: special.softmax(x, axis=1)},
    "layer_norm": {"np": layer_norm},
    "attention": {"np (BLAS)": attention},
    "n_body": {"np broadcast, ** -1.5": n_body, "np broadcast, sqrt": reference("n_body")["np"]},
    "spmv": {"scipy.sparse.csr_array": spmv},
    "k_means": {"np, distances by matmul": k_means},
    "mandelbrot": reference("mandelbrot"),
    "black_scholes": {"np and scipy.special.ndtr": black_scholes},
    "monte_carlo_pi": {"np.random": monte_carlo_pi},
    "radix_sort_pass": {
        "np.argsort, stable": lambda keys, shift, out: (
            lambda: np.take_along_axis(
                keys,
                ((keys >> np.uint32(shift)) % np.uint32(DIGITS)).astype(np.uint8).argsort(1, "stable"),
                1,
            )
        )
    },
}
