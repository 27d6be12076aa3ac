"""Option prices on one core: an option after the other."""

import math

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.black_scholes import DRIFT, HALF, MINUS_ROOT_HALF, RATE, VOLATILITY
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.exponential import exponential


@compiled
def normal(x: np.float32) -> np.float32:
    return HALF * math.erfc(x * MINUS_ROOT_HALF)


@compiled
def black_scholes(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> None:
    for i in range(spot.size):
        spread = VOLATILITY * math.sqrt(years[i])
        d = (math.log(spot[i] / strike[i]) + DRIFT * years[i]) / spread
        later = strike[i] * exponential(-RATE * years[i])
        buy = spot[i] * normal(d) - later * normal(d - spread)
        # Who may buy and must sell holds the share, less what is to be paid: no second formula needed.
        call[i], put[i] = buy, buy + later - spot[i]
