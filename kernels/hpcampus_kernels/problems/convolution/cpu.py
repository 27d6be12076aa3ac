"""A convolution on one core: seven neighbours of a row at a time, all pixels of the row in vectors."""

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.convolution import RADIUS, WIDTH


@compiled
def careful(source: Array, weights: Array, target: Array, first: int, last: int) -> None:
    for column in range(first, last):
        for k in range(max(0, RADIUS - column), min(WIDTH, source.size + RADIUS - column)):
            target[column] += weights[k] * source[column + k - RADIUS]


@compiled
def add_row(source: Array, weights: Array, target: Array) -> None:
    columns = source.size
    inside = max(columns - 2 * RADIUS, 0)
    w0, w1, w2, w3, w4, w5, w6 = weights
    for i in range(inside):
        left = w0 * source[i] + w1 * source[i + 1] + w2 * source[i + 2] + w3 * source[i + 3]
        target[i + RADIUS] += left + (w4 * source[i + 4] + w5 * source[i + 5] + w6 * source[i + 6])
    edge = min(RADIUS, columns)
    careful(source, weights, target, 0, edge)
    careful(source, weights, target, max(edge, inside + edge), columns)


@compiled
def convolution(image: Array, weights: Array, out: Array) -> None:
    rows = image.shape[0]
    for row in range(rows):
        out[row] = 0
        for k in range(max(0, RADIUS - row), min(WIDTH, rows + RADIUS - row)):
            w = weights[k]
            add_row(image[row + k - RADIUS], (w[0], w[1], w[2], w[3], w[4], w[5], w[6]), out[row])
