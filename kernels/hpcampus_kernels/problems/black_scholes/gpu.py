"""Option prices on a GPU: a thread for each option, and all numbers float32."""

import math
from typing import Any

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.black_scholes import DRIFT, HALF, MINUS_ROOT_HALF, RATE, VOLATILITY


@cuda.jit(device=True)
def normal(x: Any) -> Any:
    """The normal distribution. erfc of a float32 is a float32, 1 - erf would lose its small values."""
    return HALF * math.erfc(x * MINUS_ROOT_HALF)


@cuda.jit
def black_scholes(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> None:
    i = cuda.grid(1)
    if i < spot.size:
        # Read once into registers, where all the rest happens.
        s, k, t = spot[i], strike[i], years[i]
        spread = VOLATILITY * math.sqrt(t)
        d = (math.log(s / k) + DRIFT * t) / spread
        later = k * math.exp(-RATE * t)
        buy = s * normal(d) - later * normal(d - spread)
        # Who may buy and must sell holds the share, less what is to be paid: no second formula needed.
        call[i] = buy
        put[i] = buy + later - s
