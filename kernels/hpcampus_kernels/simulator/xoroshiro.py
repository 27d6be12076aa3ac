"""`cuda.random`: the generator xoroshiro128+ of Blackman and Vigna (2018), with the numbers that Numba gives.

Each thread has a state of its own, 2**64 steps from the next one's. The functions are device functions; a
state that two threads use is found as any other race is.
"""

import math
from typing import Any

import numpy as np

STATE = np.dtype([("s0", np.uint64), ("s1", np.uint64)], align=True)
MASK = 2**64 - 1
# 2**64 steps at once: the polynomial of the authors' reference.
JUMP = 0xD86B048B86AA9922BEAC0467EBA5FACB
TWO_PI = 2 * math.pi
TWO_PI_SINGLE = np.float32(TWO_PI)
UNIT = 2.0**-53


def create_xoroshiro128p_states(
    n: int, seed: int, subsequence_start: int = 0
) -> "np.ndarray[tuple[int], np.dtype[Any]]":
    """States for n threads, the first of them so many times 2**64 steps from the seed."""
    states = np.zeros(n, STATE)
    mixed = _mixed(seed)
    state = mixed, mixed
    for _ in range(subsequence_start):
        state = _jumped(*state)
    for place in range(n):
        states[place] = state
        state = _jumped(*state)
    return states


def _mixed(seed: int) -> int:
    """SplitMix64, which makes states of small seeds differ in all bits."""
    z = (seed + 0x9E3779B97F4A7C15) & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def _stepped(s0: int, s1: int) -> tuple[int, int]:
    s1 ^= s0
    return _turned(s0, 55) ^ s1 ^ (s1 << 14 & MASK), _turned(s1, 36)


def _turned(x: int, k: int) -> int:
    return x << k & MASK | x >> (64 - k)


def _jumped(s0: int, s1: int) -> tuple[int, int]:
    t0 = t1 = 0
    for bit in range(128):
        if JUMP >> bit & 1:
            t0 ^= s0
            t1 ^= s1
        s0, s1 = _stepped(s0, s1)
    return t0, t1


# Device functions. They are translated like those of a kernel, so they keep to what kernels can do.


def rotated(x: Any, k: Any) -> Any:
    """Its bits, turned to the left."""
    return (x << np.uint64(k)) | (x >> np.uint64(64 - k))


def xoroshiro128p_next(states: Any, index: Any) -> Any:
    """The next 64 bits of a state."""
    s0 = states[index].s0
    s1 = states[index].s1
    changed = s1 ^ s0
    states[index].s0 = rotated(s0, 55) ^ changed ^ (changed << np.uint64(14))
    states[index].s1 = rotated(changed, 36)
    return s0 + s1


def xoroshiro128p_uniform_float64(states: Any, index: Any) -> Any:
    """A float64 from 0 to below 1."""
    return (xoroshiro128p_next(states, index) >> np.uint64(11)) * UNIT


def xoroshiro128p_uniform_float32(states: Any, index: Any) -> Any:
    """A float32 from 0 to 1."""
    return np.float32(xoroshiro128p_uniform_float64(states, index))


def xoroshiro128p_normal_float32(states: Any, index: Any) -> Any:
    """A normally distributed float32 (Box and Muller 1958); it takes two steps."""
    u1 = xoroshiro128p_uniform_float32(states, index)
    u2 = xoroshiro128p_uniform_float32(states, index)
    return math.sqrt(np.float32(-2) * math.log(u1)) * math.cos(TWO_PI_SINGLE * u2)


def xoroshiro128p_normal_float64(states: Any, index: Any) -> Any:
    """The same as float64; it starts from two float32, as Numba's does."""
    u1 = xoroshiro128p_uniform_float32(states, index)
    u2 = xoroshiro128p_uniform_float32(states, index)
    return math.sqrt(-2.0 * math.log(u1)) * math.cos(TWO_PI * u2)
