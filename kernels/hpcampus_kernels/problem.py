"""What an exercise is: one computation in three versions, its inputs, its cost, and what is right."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Argument = Array | np.generic | int | float
Shape = tuple[int, ...]


class Kernel(Protocol):
    """What `@cuda.jit` returns, on a GPU and on the simulator."""

    py_func: Callable[..., None]

    def __getitem__(self, launch: tuple[Shape, Shape, int, int]) -> Callable[..., None]: ...


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
    """How far an answer may be from the reference, and why that far.

    `share` of the elements may be further away: only where one rounding can decide a whole element.
    """

    relative: float
    absolute: float
    reason: str
    share: float = 0.0

    def wrong(self, got: Array, expected: Array) -> NDArray[np.bool_]:
        """Where an answer is wrong. NaN is always wrong, because it is not within any distance."""
        allowed = self.absolute + self.relative * np.abs(expected)
        # Subtracting in the widest type: unsigned or small integers must not wrap around.
        distance = np.abs(got.astype(np.float64) - expected.astype(np.float64))
        wrong = np.asarray(~(distance <= allowed))
        few = np.count_nonzero(wrong) <= self.share * wrong.size and not np.isnan(distance).any()
        return np.zeros_like(wrong) if few else wrong


EXACT = Tolerance(0.0, 0.0, "integers, and one operation that IEEE 754 rounds correctly: one right answer")


def blocks_for(elements: int, threads: int) -> int:
    """Blocks of so many threads that have a thread for each element, and at least one block."""
    return max(1, -(-elements // threads))


@dataclass(frozen=True)
class Wrong:
    """A wrong solution: its mistake in a sentence, and the finding that it must cause.

    A finding is one of the simulator's kinds ("race", "outside", ...), or "values" (a wrong answer),
    "coalescing" and "bank conflict" (half as many transfers again as the GPU version, or more), "float64"
    (nobody asked for it) or "local memory" (an array that doesn't fit into registers).
    """

    name: str
    mistake: str
    finding: str
    kernel: Kernel


@dataclass(frozen=True)
class Rules:
    """What a kernel may do with its arguments; see `Problem`."""

    outputs: tuple[str, ...]
    scratch: tuple[str, ...]
    writes: Literal["once", "shared"]


@dataclass(frozen=True)
class Problem:
    """One computation, in the package `module`, whose last part is its name.

    `arguments(size, rng)` makes the kernel's arguments, in the order of `parameters`. `reference` takes the
    same arguments and returns what each of the `outputs` must hold afterwards; it changes nothing. A kernel
    may change the arrays of `scratch` as it likes, and other inputs not at all. `writes` is "once" where
    every element of the outputs belongs to one thread, and "shared" where many threads add to the same
    element, or not all elements are written. `flops` counts floating-point (or, for integers, arithmetic)
    operations and `bytes_moved` the least traffic with memory, for one size. `launch` is how a GPU would be
    asked to do that size, `shared_bytes` the dynamic shared memory of each launch. `cases` are the launches
    to try, ragged ones among them, and `edges` those with no, one or fewer elements than threads.
    `equivalent` has mutants (see `mutation`) that no check can tell from the solution, each with the reason.
    """

    module: str
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    writes: Literal["once", "shared"]
    arguments: Callable[[Shape, np.random.Generator], tuple[Argument, ...]]
    reference: Callable[..., tuple[Array, ...]]
    flops: Callable[[Shape], int]
    bytes_moved: Callable[[Shape], int]
    tolerance: Tolerance
    launch: Callable[[Shape], Case]
    cases: tuple[Case, ...]
    edges: tuple[Case, ...]
    scratch: tuple[str, ...] = ()
    shared_bytes: Callable[[Shape], int] = lambda _size: 0
    equivalent: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What exercises call it, and what its kernel is called."""
        return self.module.rpartition(".")[2]

    @property
    def rules(self) -> Rules:
        """All that is known of it where a kernel runs."""
        return Rules(self.outputs, self.scratch, self.writes)

    @property
    def cpu(self) -> Callable[..., None]:
        """The version for one core of a CPU; like a kernel, it writes into the outputs."""
        return cast("Callable[..., None]", self._kernel("cpu"))

    @property
    def gpu(self) -> Kernel:
        """The version for a GPU."""
        return cast("Kernel", self._kernel("gpu"))

    @property
    def wrong(self) -> tuple[Wrong, ...]:
        """The mistakes that are often made, each in a solution of its own."""
        return tuple(self._wrong())

    def _wrong(self) -> Iterator[Wrong]:
        for found in pkgutil.iter_modules(import_module(f"{self.module}.wrong").__path__):
            module = import_module(f"{self.module}.wrong.{found.name}")
            yield Wrong(found.name, module.__doc__ or "", module.FINDING, self._kernel(f"wrong.{found.name}"))

    def _kernel(self, version: str) -> Any:
        # Imported when asked for: a lesson needs one problem, and compiling is slow.
        return getattr(import_module(f"{self.module}.{version}"), self.name)
