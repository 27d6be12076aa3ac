"""The operations that threads do together: what each takes and gives."""

import ast
from typing import Any, NamedTuple

import numpy as np

from hpcampus_kernels.cpu import warps
from hpcampus_kernels.cpu.device import compiled


class Operation(NamedTuple):
    """`run` does it for all threads of a block; `alone` has the types of what one thread gives and gets."""

    run: Any
    alone: Any
    inputs: int
    outputs: int = 1


class Collective(ast.stmt):
    """A statement: what threads give and get are variables of each thread."""

    _fields = ("targets", "arguments")

    def __init__(self, operation: str, targets: list[ast.expr], arguments: list[ast.expr], line: int) -> None:
        super().__init__(lineno=line, col_offset=0)
        self.operation, self.targets, self.arguments = operation, targets, arguments

    def __deepcopy__(self, memo: Any) -> "Collective":
        """They are never changed."""
        return self

    def names(self) -> set[str]:
        """The variables that it reads or sets."""
        return {node.id for node in (*self.targets, *self.arguments) if isinstance(node, ast.Name)}


_VALUE = compiled(lambda mask, value, number: value)
_BITS = compiled(lambda mask, value: np.int32(0))
_TRUTH = compiled(lambda mask, value: True)
_COUNT = compiled(lambda value: np.int32(0))

OPERATIONS = {
    "syncthreads": Operation(warps.together, compiled(lambda: None), 0, 0),
    "syncthreads_count": Operation(warps.block_vote(lambda yes, here: yes), _COUNT, 1),
    "syncthreads_and": Operation(warps.block_vote(lambda yes, here: yes == here), _COUNT, 1),
    "syncthreads_or": Operation(warps.block_vote(lambda yes, here: yes > 0), _COUNT, 1),
    "syncwarp": Operation(warps.syncwarp, compiled(lambda mask: None), 1, 0),
    "activemask": Operation(warps.activemask, compiled(lambda: np.uint32(0)), 0),
    "shfl_sync": Operation(warps.shuffle(lambda lane, number, lanes: number % lanes), _VALUE, 3),
    "shfl_up_sync": Operation(
        warps.shuffle(lambda lane, number, lanes: lane - number if lane >= number else lane), _VALUE, 3
    ),
    "shfl_down_sync": Operation(
        warps.shuffle(lambda lane, number, lanes: lane + number if lane + number < lanes else lane), _VALUE, 3
    ),
    "shfl_xor_sync": Operation(
        warps.shuffle(lambda lane, number, lanes: lane ^ number if lane ^ number < lanes else lane), _VALUE, 3
    ),
    "all_sync": Operation(warps.vote(lambda yes, here: yes == here), _TRUTH, 2),
    "any_sync": Operation(warps.vote(lambda yes, here: yes != 0), _TRUTH, 2),
    "eq_sync": Operation(warps.vote(lambda yes, here: yes in (here, 0)), _TRUTH, 2),
    "ballot_sync": Operation(warps.vote(lambda yes, here: yes), _BITS, 2),
    "match_any_sync": Operation(warps.match_any, _BITS, 2),
    "match_all_sync": Operation(warps.match_all, compiled(lambda mask, value: (np.int32(0), True)), 2, 2),
}
