"""The problems of the exercises, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from hpcampus_kernels.problem import Problem
from hpcampus_kernels.problems import grey, histogram, saxpy, vector_add

PROBLEMS: Mapping[str, Problem] = MappingProxyType(
    {module.PROBLEM.name: module.PROBLEM for module in (vector_add, saxpy, grey, histogram)}
)
