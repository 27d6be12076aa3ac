"""exp and log in float32 from additions and multiplications, which can become vector instructions.

Numba without Intel's SVML calls the C library for each element. Both split a number into a power of 2, which
is an exponent, and a rest near 1, where a few terms of a series are as good as float32 is.
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
# The bits of sqrt(1/2); a float32 has 23 bits behind its exponent.
ROOT_HALF, DIGITS = np.int32(0x3F3504F3), np.int32(23)
ODD = tuple(np.float32(2 / n) for n in (1, 3, 5, 7, 9))


# Not with reassociation: adding and subtracting ROUND would be taken for nothing.
@njit(error_model="numpy", fastmath={"contract"}, inline="never")
def exponential(x: np.float32) -> np.float32:
    """exp(x), within 4e-7 of it; 0 below -87, and about 2^127 above 88.

    x = n ln 2 + r with |r| <= ln 2 / 2, where the Taylor series of degree 6 is right to 2e-7.
    """
    inside = min(max(x, LOWEST), HIGHEST)
    n = (inside * PER_LN_2 + ROUND) - ROUND
    r = (inside - n * LN_2_HIGH) - n * LN_2_LOW
    series = ONE + r * (ONE + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    power = np.int32((np.int32(n) + 127) << 23).view(np.float32)
    return series * power if x >= LOWEST else ZERO


@njit(error_model="numpy", fastmath={"contract"}, inline="never")
def logarithm(x: np.float32) -> np.float32:
    """log(x) of a normal number above 0, within 2e-7 of it, or of its result if that is above 1.

    x = 2^n m with m from sqrt(1/2) to sqrt(2), and log(m) = 2 artanh(s) for s = (m - 1) / (m + 1). |s| is
    below 0.172, where the series of artanh is right to 1e-9 after s^9.
    """
    bits = np.float32(x).view(np.int32)
    n = np.int32(bits - ROOT_HALF) >> DIGITS
    m = np.int32(bits - (n << DIGITS)).view(np.float32)
    s = (m - ONE) / (m + ONE)
    t = s * s
    series = s * (ODD[0] + t * (ODD[1] + t * (ODD[2] + t * (ODD[3] + t * ODD[4]))))
    return np.float32(n) * LN_2_HIGH + (series + np.float32(n) * LN_2_LOW)
