"""Common wrong answers: each loses the points it should, and is told what is likely wrong."""

from functools import cache
from typing import Any

import pytest
from hpcampus_kernels import Verdict, check, cuda
from numba import int32


@cuda.jit
def add_without_guard(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = x[i] + y[i]


@cuda.jit
def add_with_guard_too_large(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i <= out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def add_with_guard_too_small(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size - 1:
        out[i] = x[i] + y[i]


@cuda.jit
def add_from_behind(x: Any, y: Any, out: Any) -> None:
    i = out.size - 1 - cuda.grid(1)
    out[i] = x[i] + y[i]


@cuda.jit
def add_without_block(x: Any, y: Any, out: Any) -> None:
    i = cuda.threadIdx.x
    if i < out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def add_nothing(x: Any, y: Any, out: Any) -> None:
    pass


@cuda.jit
def add_nan(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = float("nan")


@cuda.jit
def add_into_input(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        x[i] = x[i] + y[i]
        out[i] = x[i]


@cuda.jit
def add_unwritten(x: Any, y: Any, out: Any) -> None:
    raise NotImplementedError


@cuda.jit
def add_with_typo(x: Any, y: Any, out: Any) -> None:
    out[cuda.grid(1)] = x[cuda.grid(1)] + z[cuda.grid(1)]  # type: ignore[name-defined] # noqa: F821


@cuda.jit
def add_with_float_index(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1) / 1
    if i < out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def add_without_end(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    while i < out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def add_that_waits_for_ever(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    while i < out.size:
        pass


@cuda.jit
def add_of_two(x: Any, out: Any) -> None:
    pass


@cuda.jit
def saxpy_without_stride(a: Any, x: Any, y: Any) -> None:
    i = cuda.grid(1)
    if i < y.size:
        y[i] = a * x[i] + y[i]


@cuda.jit
def saxpy_stride_of_a_block(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size, cuda.blockDim.x):
        y[i] = a * x[i] + y[i]


@cuda.jit
def saxpy_every_block_everything(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.threadIdx.x, y.size, cuda.blockDim.x):
        y[i] = a * x[i] + y[i]


@cuda.jit
def saxpy_loop_too_long(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size + 1, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


@cuda.jit
def grey_swapped_everywhere(rgb: Any, grey: Any) -> None:
    row, column = cuda.grid(2)
    if row < grey.shape[0] and column < grey.shape[1]:
        red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
        grey[row, column] = 0.2126 * red + 0.7152 * green + 0.0722 * blue


@cuda.jit
def grey_swapped_index(rgb: Any, grey: Any) -> None:
    x, y = cuda.grid(2)
    if y < grey.shape[0] and x < grey.shape[1]:
        grey[x, y] = 0.2126 * rgb[x, y, 0] + 0.7152 * rgb[x, y, 1] + 0.0722 * rgb[x, y, 2]


@cuda.jit
def grey_without_guard(rgb: Any, grey: Any) -> None:
    x, y = cuda.grid(2)
    grey[y, x] = 0.2126 * rgb[y, x, 0] + 0.7152 * rgb[y, x, 1] + 0.0722 * rgb[y, x, 2]


@cuda.jit
def grey_mean(rgb: Any, grey: Any) -> None:
    x, y = cuda.grid(2)
    if y < grey.shape[0] and x < grey.shape[1]:
        grey[y, x] = (rgb[y, x, 0] + rgb[y, x, 1] + rgb[y, x, 2]) / 3


@cuda.jit
def histogram_not_atomic(levels: Any, counts: Any) -> None:
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if 0 <= levels[i] < counts.size:
            counts[levels[i]] += 1


@cuda.jit
def histogram_atomic_for_half(levels: Any, counts: Any) -> None:
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if 0 <= levels[i] < counts.size:
            if i % 2:
                cuda.atomic.add(counts, levels[i], 1)
            else:
                counts[levels[i]] = counts[levels[i]] + 1


@cuda.jit
def histogram_not_atomic_with_barrier(levels: Any, counts: Any) -> None:
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if 0 <= levels[i] < counts.size:
            counts[levels[i]] += 1
    cuda.syncthreads()


@cuda.jit
def histogram_not_atomic_in_shared_memory(levels: Any, counts: Any) -> None:
    own = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    for b in range(t, counts.size, cuda.blockDim.x):
        own[b] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if 0 <= levels[i] < counts.size:
            own[levels[i]] += 1
    cuda.syncthreads()
    for b in range(t, counts.size, cuda.blockDim.x):
        cuda.atomic.add(counts, b, own[b])


@cuda.jit
def histogram_with_negative_levels(levels: Any, counts: Any) -> None:
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if levels[i] < counts.size:
            cuda.atomic.add(counts, levels[i], 1)


@cuda.jit
def histogram_without_stride(levels: Any, counts: Any) -> None:
    i = cuda.grid(1)
    if i < levels.size and 0 <= levels[i] < counts.size:
        cuda.atomic.add(counts, levels[i], 1)


WRONG = [
    (
        add_without_guard,
        "vector_add",
        "bounds",
        "Thread 4 of block 3 read x[100], but x has 100 elements, 0 to 99",
    ),
    (add_without_guard, "vector_add", "bounds", "behind a guard"),
    (add_without_guard, "vector_add", "bounds", "Tried with size 100, 4 blocks of 32 threads."),
    (add_with_guard_too_large, "vector_add", "bounds", "Is it <=, not <?"),
    (add_with_guard_too_small, "vector_add", "values", "out[63] should be"),
    (add_with_guard_too_small, "vector_add", "values", "keeps out one thread too many"),
    (add_with_guard_too_small, "vector_add", "work", "1 of 64 elements of out were never written"),
    (add_from_behind, "vector_add", "bounds", "x[-1]"),
    (add_from_behind, "vector_add", "bounds", "a negative index reaches the end of the array"),
    (add_without_block, "vector_add", "work", "must depend on the block"),
    (add_without_block, "vector_add", "values", "(nothing was written there)"),
    (add_nothing, "vector_add", "work", "Nothing was written into out."),
    (add_nothing, "vector_add", "values", "64 of 64 elements are wrong"),
    (add_nan, "vector_add", "values", "but it is nan"),
    (add_into_input, "vector_add", "values", "changed x, which it should only read"),
    (add_unwritten, "vector_add", "values", "isn't written yet"),
    (
        add_with_typo,
        "vector_add",
        "values",
        "z means nothing in a kernel: is it spelt as it was defined? (line",
    ),
    (add_with_float_index, "vector_add", "values", "must be an integer, not a float"),
    (add_without_end, "vector_add", "values", "does not end"),
    (add_that_waits_for_ever, "vector_add", "values", "does not end"),
    (add_of_two, "vector_add", "values", "has 2 parameters, but it must have these: x, y, out"),
    (lambda x, y, out: None, "vector_add", "values", "put @cuda.jit on the line above"),
    (saxpy_without_stride, "saxpy", "values", "y[96] should be"),
    (saxpy_without_stride, "saxpy", "values", "just the first 96 elements are done"),
    (saxpy_stride_of_a_block, "saxpy", "work", "A step of one block is too short"),
    (saxpy_stride_of_a_block, "saxpy", "values", "y[32] should be"),
    (saxpy_every_block_everything, "saxpy", "work", "y[0] was written by 3 threads"),
    (saxpy_loop_too_long, "saxpy", "bounds", "first index behind the end"),
    (grey_swapped_everywhere, "grey", "values", "Rows and columns look swapped"),
    (grey_swapped_index, "grey", "bounds", "fit the other way round"),
    (grey_without_guard, "grey", "bounds", "The grid has 32 x 16 threads, and some of them have no element."),
    (grey_mean, "grey", "values", "64 of 64 elements are wrong"),
    (histogram_not_atomic, "histogram", "work", "an atomic operation"),
    (histogram_not_atomic, "histogram", "work", "both work on counts["),
    (histogram_atomic_for_half, "histogram", "work", "an atomic operation"),
    (histogram_not_atomic_with_barrier, "histogram", "work", "an atomic operation"),
    (histogram_not_atomic_in_shared_memory, "histogram", "work", "(shared memory)"),
    (histogram_with_negative_levels, "histogram", "bounds", "counts[-1], but counts has 8 elements"),
    (histogram_without_stride, "histogram", "work", "372 of 500 elements of levels were never read"),
    (histogram_without_stride, "histogram", "work", "a whole grid further each time"),
    (histogram_without_stride, "histogram", "values", "should be"),
]


@cache
def verdict_on(kernel: Any, problem: str) -> Verdict:
    """One check is enough for all that is to be seen of it."""
    return check(kernel, problem)


@pytest.mark.parametrize(
    ("kernel", "problem", "point", "words"), WRONG, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_wrong_kernel_is_told_why(kernel: Any, problem: str, point: str, words: str) -> None:
    verdict = verdict_on(kernel, problem)
    assert not verdict[point].passed, str(verdict)
    assert words in verdict[point].words


@pytest.mark.parametrize("kernel", [histogram_not_atomic, histogram_atomic_for_half])
def test_a_lost_update_is_found_even_though_the_simulator_lost_none(kernel: Any) -> None:
    verdict = verdict_on(kernel, "histogram")
    assert verdict["values"].passed
    assert not verdict["work"].passed


def test_the_line_of_the_mistake_is_named() -> None:
    words = verdict_on(add_without_guard, "vector_add")["bounds"].words
    line = add_without_guard.py_func.__code__.co_firstlineno + 3
    assert f"(line {line}: out[i] = x[i] + y[i])" in words


@cuda.jit
def grey_by_rows_without_guard(rgb: Any, grey: Any) -> None:
    x, y = cuda.grid(2)
    pixel = rgb[y, x]
    grey[y, x] = 0.2126 * pixel[0] + 0.7152 * pixel[1] + 0.0722 * pixel[2]


def test_a_row_outside_is_named_with_the_indices_that_it_has() -> None:
    words = check(grey_by_rows_without_guard, "grey")["bounds"].words
    assert "read rgb[10, 0], but rgb has the shape (10, 30, 3)" in words
    assert "behind a guard" in words
