"""Arithmetic as the device does it: Numba's types, and what a GPU gives where Python would raise.

Which types an operation takes and gives is not written down here: Numba is asked. So a float32 times an
int32 is float64, and the sum of two int32 is int64, which wraps around. Here a float32 is a `numpy.float32`,
a uint64 a `numpy.uint64`, and any other integer Python's own, always within its type's range.
"""

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target
from numba.np.numpy_support import as_dtype as numpy_type
from numba.np.numpy_support import from_dtype

LOWEST, HIGHEST = -(2**63), 2**63 - 1
Operation = Callable[..., Any]
# The types that an operation takes, and the one that it gives.
Signature = tuple[tuple[types.Type, ...], types.Type]


def wrap(value: int) -> int:
    """An integer as 64 bits keep it."""
    return value if LOWEST <= value <= HIGHEST else (value - LOWEST) % 2**64 + LOWEST


def truncated(value: Any) -> int:
    """A number as an integer: cut off; the lowest for NaN."""
    try:
        return int(value)
    except OverflowError:
        return HIGHEST if value > 0 else LOWEST
    except ValueError:  # NaN
        return LOWEST


@cache
def converter(kind: types.Type) -> Callable[[Any], Any]:
    """What makes a number one of that type: rounded, cut off, or wrapped around."""
    if isinstance(kind, types.Boolean):
        return bool
    if kind == types.uint64:
        whole = _wrapper(0, 2**64 - 1)
        return lambda value: np.uint64(whole(value))
    if isinstance(kind, types.Integer):
        return _wrapper(kind.minval, kind.maxval)
    scalar: Callable[[Any], Any] = numpy_type(kind).type
    return scalar


def _wrapper(low: int, high: int) -> Callable[[Any], int]:
    span = high - low + 1
    # PTX: a float is cut off at the ends of 32 or 64 bits; the rest is wrapped around.
    width = 2**32 if span <= 2**32 else 2**64
    least, most = (-width // 2, width // 2 - 1) if low else (0, width - 1)

    def convert(value: Any) -> int:
        whole = truncated(value)
        if isinstance(value, float | np.float32):
            whole = min(max(whole, least), most) if value == value else least  # noqa: PLR0124
        return whole if low <= whole <= high else (whole - low) % span + low

    return convert


@cache
def _type_of(kind: type) -> types.Type | None:
    if issubclass(kind, (bool, np.bool_)):
        return types.boolean
    if issubclass(kind, int):
        return types.int64
    if issubclass(kind, np.float16):  # only kept, not computed with
        return None
    return from_dtype(np.dtype(kind)) if issubclass(kind, (np.number, float, complex)) else None


def type_of(value: Any) -> types.Type | None:
    """Numba's type of a number here; None for anything else."""
    return _type_of(type(value))  # type: ignore[arg-type]  # types are hashable


@cache
def signature(operation: Operation, *kinds: types.Type) -> Signature | None:
    """The types an operation takes and gives when it gets these; None where Numba has none."""
    context = cpu_target.typing_context
    context.refresh()
    try:
        found = context.resolve_function_type(operation, kinds, {})
    except (NotImplementedError, TypeError, ValueError, NumbaError):
        return None
    if found is None or isinstance(found.return_type, (types.NoneType, types.BaseTuple)):
        return None
    takes = tuple(found.args) if len(found.args) == len(kinds) else (found.return_type,) * len(kinds)
    return takes, found.return_type


def refusal(operation: Operation, *kinds: types.Type) -> str:
    """Words for an operation that Numba doesn't have."""
    return f"Numba has no {operation.__name__.strip('_')} of {' and '.join(str(kind) for kind in kinds)}"


def unified(one: types.Type, other: types.Type) -> types.Type | None:
    """The one type of a variable that is sometimes this and sometimes that."""
    return one if one == other else cpu_target.typing_context.unify_types(one, other)


def _quotient(a: Any, b: Any) -> Any:
    if isinstance(b, int) and (not b or (b == -1 and a == LOWEST)):
        return 0  # as Numba has it
    return a // b


def _remainder(a: Any, b: Any) -> Any:
    return a % b if b or not isinstance(b, int) else 0


def _power(a: Any, b: Any) -> Any:
    if not isinstance(a, int) or not isinstance(b, int):
        return a**b
    if b < 0:  # 1 / a, cut off
        return a ** (b % 2) if abs(a) == 1 else 0
    return pow(a, b, 2**64)


def _left(a: Any, b: Any) -> Any:
    return a << b if 0 <= b < 64 else type(a)(0)


def _right(a: Any, b: Any) -> Any:
    return a >> (b if 0 <= b < 64 else type(b)(63))


def _smaller(a: Any, b: Any) -> Any:
    """NaN loses on a GPU."""
    return a if a <= b or b != b else b  # noqa: PLR0124


def _larger(a: Any, b: Any) -> Any:
    return a if a >= b or b != b else b  # noqa: PLR0124


# What Python's own operation does otherwise.
OWN: dict[Operation, Operation] = {
    operator.floordiv: _quotient,
    operator.mod: _remainder,
    operator.pow: _power,
    operator.lshift: _left,
    operator.rshift: _right,
    min: _smaller,
    max: _larger,
}
COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
SHIFTS = (operator.lshift, operator.rshift)


@cache
def compiled(operation: Operation, *kinds: types.Type) -> Operation:
    """The operation on values of these types: they are converted, and so is what comes out."""
    found, compute = signature(operation, *kinds), OWN.get(operation, operation)
    if operation in COMPARISONS:
        return compute
    if found is None:
        raise TypeError(refusal(operation, *kinds))
    takes, gives = found
    if isinstance(gives, (types.Float, types.Complex)):
        whole = any(isinstance(kind, (types.Integer, types.Boolean)) for kind in kinds)
        takes = (gives,) * len(kinds) if operation is not operator.pow and whole else takes
    elif operation in SHIFTS:
        takes = gives, types.int64
    elif isinstance(gives, types.Integer):
        takes = (gives,) * len(kinds)
    casts, out = [converter(kind) for kind in takes], converter(gives)
    if gives == types.uint64 and operation in SHIFTS:
        return lambda a, b: out(compute(int(a), casts[1](b)))
    if len(casts) == 1:
        own = converter(kinds[0] if kinds[0] != types.boolean else gives)
        return lambda a: out(own(compute(own(a))))
    first, second = casts
    return lambda a, b: out(compute(first(a), second(b)))


@cache
def _for_classes(operation: Operation, *classes: type) -> Operation:
    kinds = [_type_of(kind) for kind in classes]
    known = [kind for kind in kinds if kind is not None]
    return compiled(operation, *known) if len(known) == len(kinds) else operation


def apply(operation: Operation, *values: Any) -> Any:
    """The operation on values whose types only show now."""
    return _for_classes(operation, *map(type, values))(*values)


def absolute(value: Any) -> Any:
    """`abs`, which keeps an integer's type."""
    return apply(operator.neg, value) if value < 0 else value


def rounded(value: Any, digits: int | None = None) -> Any:
    """`round`: to an integer, or to so many digits."""
    return truncated(np.rint(value)) if digits is None else type(value)(round(float(value), digits))
