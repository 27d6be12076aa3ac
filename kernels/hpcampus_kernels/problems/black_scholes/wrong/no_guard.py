"""The spare threads of the last block work behind the end of the arrays."""

import math

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.black_scholes import DRIFT, RATE, VOLATILITY
from hpcampus_kernels.problems.black_scholes.gpu import normal

FINDING = "outside"


@cuda.jit
def black_scholes(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> None:
    i = cuda.grid(1)
    s, k, t = spot[i], strike[i], years[i]
    spread = VOLATILITY * math.sqrt(t)
    d = (math.log(s / k) + DRIFT * t) / spread
    later = k * math.exp(-RATE * t)
    buy = s * normal(d) - later * normal(d - spread)
    call[i] = buy
    put[i] = buy + later - s
