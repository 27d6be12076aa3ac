"""Plain numbers are float64, and so are the logarithm, the root and the error function that meet them."""

import math

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.black_scholes.gpu import normal

FINDING = "float64"


@cuda.jit
def black_scholes(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> None:
    i = cuda.grid(1)
    if i < spot.size:
        s, k, t = spot[i], strike[i], years[i]
        spread = 0.3 * math.sqrt(t)
        d = (math.log(s / k) + 0.065 * t) / spread
        later = k * math.exp(-0.02 * t)
        buy = s * normal(d) - later * normal(d - spread)
        call[i] = buy
        put[i] = buy + later - s
