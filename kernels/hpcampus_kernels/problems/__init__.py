"""The problems of the exercises, by name, from the first to learn to the last; imported when asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from hpcampus_kernels.problem import Problem

NAMES = (
    "vector_add",
    "saxpy",
    "grey",
    "transpose",
    "matmul",
    "convolution",
    "heat",
    "life",
    "reduction",
    "dot",
    "histogram",
    "scan",
    "compaction",
    "softmax",
    "layer_norm",
    "attention",
    "n_body",
    "spmv",
    "k_means",
    "mandelbrot",
    "black_scholes",
    "monte_carlo_pi",
    "radix_sort_pass",
)


class _Problems(Mapping[str, Problem]):
    def __getitem__(self, name: str) -> Problem:
        if name not in NAMES:
            raise KeyError(name)
        problem: Problem = import_module(f"{__name__}.{name}").PROBLEM
        return problem

    def __contains__(self, name: object) -> bool:
        return name in NAMES  # without importing it

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


PROBLEMS: Mapping[str, Problem] = _Problems()
