"""Two points of one centre add to its sum at once, and one of them is lost."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.k_means import DIMENSIONS
from hpcampus_kernels.problems.k_means.gpu import nearest

FINDING = "race"


@cuda.jit
def k_means(points: Array, centres: Array, labels: Array, sums: Array, counts: Array) -> None:
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        label = nearest(points, i, centres)
        labels[i] = label
        counts[label] += 1
        for d in range(DIMENSIONS):
            sums[label * DIMENSIONS + d] += points[d, i]
