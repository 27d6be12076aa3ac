"""How the CPU versions are compiled: for one core, with the freedom to add in another order.

A sum in the written order uses one lane of a vector unit out of 8 or 16. NaN and infinity keep their meaning,
and a division by zero gives them, as in NumPy.
"""

from typing import Any

from hpcampus_kernels.backend import njit

compiled: Any = njit(error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"})
