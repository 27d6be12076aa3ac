"""What an exercise is: one computation in three versions, its inputs, its cost, and what is right."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Argument = Array | np.generic | int | float
Shape = tuple[int, ...]


class Kernel(Protocol):
    """What `@cuda.jit` returns, on a GPU and on the simulator."""

    py_func: Callable[..., None]

    def __getitem__(self, launch: tuple[Shape, Shape]) -> Callable[..., None]: ...


@dataclass(frozen=True)
class Case:
    """One launch to try: the size of the problem, and blocks in the grid and threads in a block, (x, y).

    A size is (elements,), (rows, columns) or whatever its problem says.
    """

    size: Shape
    grid: Shape
    block: Shape

    @property
    def threads(self) -> Shape:
        """Threads in the whole grid, along x and y."""
        return tuple(blocks * threads for blocks, threads in zip(self.grid, self.block, strict=True))

    def __str__(self) -> str:
        size, grid, block = (" x ".join(map(str, shape)) for shape in (self.size, self.grid, self.block))
        return f"size {size}, {grid} blocks of {block} threads"


@dataclass(frozen=True)
class Tolerance:
    """How far an answer may be from the reference, and why that far."""

    relative: float
    absolute: float
    reason: str

    def wrong(self, got: Array, expected: Array) -> NDArray[np.bool_]:
        """Where an answer is wrong. NaN is always wrong, because it is not within any distance."""
        allowed = self.absolute + self.relative * np.abs(expected)
        # Subtracting in the widest type: unsigned or small integers must not wrap around.
        distance = np.abs(got.astype(np.float64) - expected.astype(np.float64))
        return np.asarray(~(distance <= allowed))


EXACT = Tolerance(0.0, 0.0, "integers, and one operation that IEEE 754 rounds correctly: one right answer")


@dataclass(frozen=True)
class Problem:
    """One computation. `arguments(size, rng)` makes the kernel's arguments, in the order of `parameters`.

    `reference` takes the same arguments and returns what `output` must hold afterwards; it changes nothing.
    `cpu` and `gpu` write into `output`. `writes` is "once" where every element of the output belongs to one
    thread, and "shared" where many threads add to the same element. `flops` counts floating-point (or, for
    integers, arithmetic) operations and `bytes_moved` the least traffic with memory, for one size.
    """

    name: str
    parameters: tuple[str, ...]
    output: str
    writes: Literal["once", "shared"]
    arguments: Callable[[Shape, np.random.Generator], tuple[Argument, ...]]
    reference: Callable[..., Array]
    cpu: Callable[..., None]
    gpu: Kernel
    flops: Callable[[Shape], int]
    bytes_moved: Callable[[Shape], int]
    tolerance: Tolerance
    cases: tuple[Case, ...]
