"""Types that numba.cuda gives to its own arithmetic, as a line of JSON: name, types taken, type given.

    NUMBA_ENABLE_CUDASIM=0 python intrinsic_types.py

A program of its own, because Numba chooses between a device and its simulator once for a process.
"""

import json
import sys
from itertools import product

from numba import types
from numba.cuda import stubs
from numba.cuda.descriptor import cuda_target

FULL = [types.int32, types.uint32, types.int64, types.uint64]
WHOLE = [types.boolean, types.int8, types.uint8, types.int16, types.uint16, *FULL]
NUMBERS = [*WHOLE, types.float32, types.float64]
# Of floats numba.cuda counts bits, too, as int8, and for ffs of fewer than 32 bits it has types, but no code.
GIVEN = {
    **{name: [(kind,) for kind in WHOLE] for name in ("popc", "clz", "brev")},
    "ffs": [(kind,) for kind in FULL],
    "cbrt": [(kind,) for kind in NUMBERS],
    "fma": [*product(NUMBERS, NUMBERS, [types.int16, types.float32, types.float64])],
    "selp": [(types.boolean, *kinds) for kinds in product(NUMBERS, NUMBERS)],
}


def main() -> None:
    """All of them."""
    context = cuda_target.typing_context
    context.refresh()
    for name, several in GIVEN.items():
        for kinds in several:
            found = context.resolve_function_type(getattr(stubs, name), kinds, {})
            gives = None if found is None else str(found.return_type)
            sys.stdout.write(json.dumps([name, [str(kind) for kind in kinds], gives]) + "\n")


if __name__ == "__main__":
    main()
