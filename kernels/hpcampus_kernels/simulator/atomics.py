"""Atomic operations on arrays of any number of dimensions. Each gives the old value."""

import operator
from collections.abc import Callable
from sys import _getframe
from types import FrameType
from typing import TYPE_CHECKING, Any

from hpcampus_kernels.simulator.log import ATOMIC, line_of
from hpcampus_kernels.simulator.memory import DeviceArray
from hpcampus_kernels.simulator.threads import SPIN, Wait
from hpcampus_kernels.simulator.values import UnsupportedError

if TYPE_CHECKING:
    from hpcampus_kernels.simulator.device import Device

# After so many atomic operations in a row that changed nothing, a thread lets others run.
IDLE = 32


class Atomics:
    """`cuda.atomic`."""

    def __init__(self, device: "Device") -> None:
        self._device = device

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"the simulator has no cuda.atomic.{name}")

    def _update(self, array: Any, key: Any, change: Callable[[Any], Any], frame: FrameType) -> Any:
        device, thread = self._device, self._device.thread
        if not isinstance(array, DeviceArray):
            raise TypeError("an atomic operation needs an array and an index")
        flat = array.locate(key, ATOMIC, frame)
        if flat is None:
            return array._cast(0)
        if array._log is not None and device.releases.synchronise(
            thread.knowledge, array._base + flat, thread.block.number
        ):
            device.new_turn()
        array.record(flat, frame, ATOMIC)
        old = array._elements[flat]
        new = array._elements[flat] = array._cast(change(old))
        thread.idle = thread.idle + 1 if new == old else 0
        if thread.idle >= IDLE:
            thread.idle = 0
            device.wait(Wait(SPIN, "a spin-wait", line_of(frame)))
        return old

    def add(self, array: Any, key: Any, value: Any) -> Any:
        """old + value."""
        return self._update(array, key, lambda old: old + value, _getframe(1))

    def sub(self, array: Any, key: Any, value: Any) -> Any:
        """old - value."""
        return self._update(array, key, lambda old: old - value, _getframe(1))

    def max(self, array: Any, key: Any, value: Any) -> Any:
        """The larger; a value beats NaN only in `nanmax`."""
        return self._update(array, key, lambda old: value if value > old else old, _getframe(1))

    def min(self, array: Any, key: Any, value: Any) -> Any:
        """The smaller."""
        return self._update(array, key, lambda old: value if value < old else old, _getframe(1))

    def nanmax(self, array: Any, key: Any, value: Any) -> Any:
        """The larger, NaN apart."""
        return self._update(array, key, lambda old: value if value > old or old != old else old, _getframe(1))  # noqa: PLR0124

    def nanmin(self, array: Any, key: Any, value: Any) -> Any:
        """The smaller, NaN apart."""
        return self._update(array, key, lambda old: value if value < old or old != old else old, _getframe(1))  # noqa: PLR0124

    def and_(self, array: Any, key: Any, value: Any) -> Any:
        """old & value."""
        return self._update(array, key, lambda old: operator.and_(old, int(value)), _getframe(1))

    def or_(self, array: Any, key: Any, value: Any) -> Any:
        """old | value."""
        return self._update(array, key, lambda old: operator.or_(old, int(value)), _getframe(1))

    def xor(self, array: Any, key: Any, value: Any) -> Any:
        """old ^ value."""
        return self._update(array, key, lambda old: operator.xor(old, int(value)), _getframe(1))

    def inc(self, array: Any, key: Any, limit: Any) -> Any:
        """old + 1, or 0 from the limit on."""
        return self._update(array, key, lambda old: 0 if old >= limit else old + 1, _getframe(1))

    def dec(self, array: Any, key: Any, limit: Any) -> Any:
        """old - 1, or the limit below 1 and above the limit."""
        return self._update(
            array, key, lambda old: limit if old == 0 or old > limit else old - 1, _getframe(1)
        )

    def exch(self, array: Any, key: Any, value: Any) -> Any:
        """The value."""
        return self._update(array, key, lambda old: value, _getframe(1))

    def cas(self, array: Any, key: Any, expected: Any, value: Any) -> Any:
        """The value, if the old one is the expected."""
        return self._update(array, key, lambda old: value if old == expected else old, _getframe(1))

    def compare_and_swap(self, array: Any, expected: Any, value: Any) -> Any:
        """The same at the first element."""
        return self._update(array, 0, lambda old: value if old == expected else old, _getframe(1))
