"""Luminance on one core: a row after the other, as it lies in memory."""

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.grey import BLUE, GREEN, RED


@compiled
def grey(rgb: Array, grey: Array) -> None:
    rows, columns = grey.shape
    for row in range(rows):
        for column in range(columns):
            red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
            grey[row, column] = RED * red + GREEN * green + BLUE * blue
