"""A run of neighbours for each thread suits a CPU; the threads of a warp then read far apart."""

import math

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.black_scholes import DRIFT, RATE, VOLATILITY
from hpcampus_kernels.problems.black_scholes.gpu import normal

RUN = 8
FINDING = "coalescing"


@cuda.jit
def black_scholes(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> None:
    for i in range(RUN * cuda.grid(1), min(RUN * cuda.grid(1) + RUN, spot.size)):
        s, k, t = spot[i], strike[i], years[i]
        spread = VOLATILITY * math.sqrt(t)
        d = (math.log(s / k) + DRIFT * t) / spread
        later = k * math.exp(-RATE * t)
        buy = s * normal(d) - later * normal(d - spread)
        call[i] = buy
        put[i] = buy + later - s
