"""The price of an option to buy (call) or to sell (put), by the formula of Black and Scholes (1973)."""

import math

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

# Interest without risk, and how much the price of the share varies, both for a year.
RATE, VOLATILITY = np.float32(0.02), np.float32(0.3)
# For the rate of growth of the price, and for the normal distribution: Phi(x) = erfc(-x / sqrt(2)) / 2.
DRIFT = np.float32(0.02 + 0.3**2 / 2)
HALF, MINUS_ROOT_HALF = np.float32(0.5), np.float32(-(0.5**0.5))


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Prices of the share and of the deal in [5, 50), years in [0.1, 2), and two outputs full of NaN."""
    spot, strike = (rng.uniform(5, 50, size).astype(np.float32) for _ in range(2))
    years = rng.uniform(0.1, 2, size).astype(np.float32)
    return spot, strike, years, np.full(size, np.nan, "f4"), np.full(size, np.nan, "f4")


def reference(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> tuple[Array, Array]:
    """NumPy's answer, in float64."""
    s, k, t = (array.astype(np.float64) for array in (spot, strike, years))
    spread = VOLATILITY * np.sqrt(t)
    d = (np.log(s / k) + DRIFT * t) / spread
    first, second = _normal(d), _normal(d - spread)
    later = k * np.exp(-RATE * t)
    buy = s * first - later * second
    return buy.astype(np.float32), (buy + later - s).astype(np.float32)


def _normal(x: Array) -> Array:
    """NumPy has no error function; Python has."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x], np.float64)


PROBLEM = Problem(
    module=__name__,
    parameters=("spot", "strike", "years", "call", "put"),
    outputs=("call", "put"),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 60 * size[0],
    bytes_moved=lambda size: 5 * 4 * size[0],
    tolerance=Tolerance(0.0, 1e-4, "prices up to 50 are differences of numbers known to about 1e-5"),
    launch=lambda size: Case(size, (blocks_for(size[0], 256),), (256,)),
    cases=(
        Case((64,), (2,), (32,)),
        Case((100,), (4,), (32,)),
        Case((250,), (2,), (128,)),
        Case((33,), (4,), (32,)),
    ),
    edges=(Case((0,), (1,), (32,)), Case((1,), (1,), (1,)), Case((5,), (9,), (32,))),
)
