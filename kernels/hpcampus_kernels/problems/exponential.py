"""exp in float32 from additions and multiplications, which a compiler can put into vector instructions.

Numba without Intel's SVML calls the C library for each element. x = n ln 2 + r splits the result into 2^n,
which is an exponent, and exp(r) with |r| <= ln 2 / 2, where a polynomial of degree 6 is right to 2e-7:
its coefficients are those of the Taylor series. Below -87 the result is 0, above 88 it is about 2^127.
"""

import numpy as np

from hpcampus_kernels.backend import njit

LOWEST, HIGHEST = np.float32(-87), np.float32(88)
PER_LN_2 = np.float32(1 / np.log(2))
# ln 2 in two parts: n times the first is exact, so that r keeps its digits (Cody and Waite 1980).
LN_2_HIGH, LN_2_LOW = np.float32(0.693359375), np.float32(np.log(2) - 0.693359375)
# Adding 1.5 * 2^23 leaves a whole number in the last bits, and rounds to it.
ROUND = np.float32(1.5 * 2**23)
C2, C3, C4, C5, C6 = (np.float32(1 / f) for f in (2, 6, 24, 120, 720))
ONE, ZERO = np.float32(1), np.float32(0)


# Not with reassociation: adding and subtracting ROUND would be taken for nothing.
@njit(error_model="numpy", fastmath={"contract"}, inline="never")
def exponential(x: np.float32) -> np.float32:
    """exp(x), within 4e-7 of it."""
    inside = min(max(x, LOWEST), HIGHEST)
    n = (inside * PER_LN_2 + ROUND) - ROUND
    r = (inside - n * LN_2_HIGH) - n * LN_2_LOW
    series = ONE + r * (ONE + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    power = np.int32((np.int32(n) + 127) << 23).view(np.float32)
    return series * power if x >= LOWEST else ZERO
