"""Option prices on one core, in vectors: a function of a library would take one number at a time."""

import math

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.black_scholes import DRIFT, HALF, RATE, VOLATILITY
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.elementary import exponential, logarithm

ONE = np.float32(1)
# Phi(-x) = exp(-x^2 / 2) (A1 t + ... + A5 t^5) / 2 with t = 1 / (1 + P x), for x >= 0, right to 1e-7: formula
# 7.1.26 of Abramowitz and Stegun (1964), with P / sqrt(2) in place of its p, and half of its coefficients.
P = np.float32(0.3275911 * 0.5**0.5)
A1, A2, A3 = np.float32(0.254829592 / 2), np.float32(-0.284496736 / 2), np.float32(1.421413741 / 2)
A4, A5 = np.float32(-1.453152027 / 2), np.float32(1.061405429 / 2)


@compiled
def normal(x: np.float32) -> np.float32:
    t = ONE / (ONE + P * abs(x))
    tail = exponential(-HALF * x * x) * (t * (A1 + t * (A2 + t * (A3 + t * (A4 + t * A5)))))
    return np.float32(ONE - tail) if x >= 0 else np.float32(tail)


@compiled
def black_scholes(spot: Array, strike: Array, years: Array, call: Array, put: Array) -> None:
    for i in range(spot.size):
        spread = VOLATILITY * math.sqrt(years[i])
        d = (logarithm(spot[i] / strike[i]) + DRIFT * years[i]) / spread
        later = strike[i] * exponential(-RATE * years[i])
        buy = spot[i] * normal(d) - later * normal(d - spread)
        # Who may buy and must sell holds the share, less what is to be paid: no second formula needed.
        call[i], put[i] = buy, buy + later - spot[i]
