"""How good the launches of a problem are: its solution is changed by a mistake at a time, and checked."""

from hpcampus_kernels.mutation.cells import cell_mutants
from hpcampus_kernels.mutation.mutants import Mutant, mutants
from hpcampus_kernels.mutation.score import Score, score

__all__ = ["Mutant", "Score", "cell_mutants", "mutants", "score"]
