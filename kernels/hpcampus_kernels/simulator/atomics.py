"""Atomic operations on arrays of any number of dimensions. Each gives the old value."""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hpcampus_kernels.simulator.memory import DeviceArray
from hpcampus_kernels.simulator.values import UnsupportedError

if TYPE_CHECKING:
    from hpcampus_kernels.simulator.device import Device


class Atomics:
    """`cuda.atomic`."""

    def __init__(self, device: "Device") -> None:
        self._device = device

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"the simulator has no cuda.atomic.{name}")

    def _update(self, array: Any, key: Any, change: Callable[[Any], Any], site: int) -> Any:
        device, thread = self._device, self._device.thread
        if not isinstance(array, DeviceArray):
            raise TypeError("an atomic operation needs an array and an index")
        flat = array.locate(key, site)
        if flat is None or array.cast is None:
            return array.zero()
        if array.memory.log is not None and device.releases.synchronise(
            thread.knowledge, array.base + flat, thread.block.number
        ):
            device.new_turn()
        old = array.fetch(flat, site)
        new = array.elements[flat] = array.cast(change(old))
        thread.idle = thread.idle + 1 if new == old else 0
        return old

    def add(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """old + value."""
        return self._update(array, key, lambda old: old + value, site)

    def sub(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """old - value."""
        return self._update(array, key, lambda old: old - value, site)

    def max(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """The larger; a value beats NaN only in `nanmax`."""
        return self._update(array, key, lambda old: value if value > old else old, site)

    def min(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """The smaller."""
        return self._update(array, key, lambda old: value if value < old else old, site)

    def nanmax(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """The larger, NaN apart."""
        return self._update(array, key, lambda old: value if value > old or old != old else old, site)  # noqa: PLR0124

    def nanmin(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """The smaller, NaN apart."""
        return self._update(array, key, lambda old: value if value < old or old != old else old, site)  # noqa: PLR0124

    def and_(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """old & value."""
        return self._update(array, key, lambda old: operator.and_(old, int(value)), site)

    def or_(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """old | value."""
        return self._update(array, key, lambda old: operator.or_(old, int(value)), site)

    def xor(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """old ^ value."""
        return self._update(array, key, lambda old: operator.xor(old, int(value)), site)

    def inc(self, site: int, array: Any, key: Any, limit: Any) -> Any:
        """old + 1, or 0 from the limit on."""
        return self._update(array, key, lambda old: 0 if old >= limit else old + 1, site)

    def dec(self, site: int, array: Any, key: Any, limit: Any) -> Any:
        """old - 1, or the limit below 1 and above the limit."""
        return self._update(array, key, lambda old: limit if old == 0 or old > limit else old - 1, site)

    def exch(self, site: int, array: Any, key: Any, value: Any) -> Any:
        """The value."""
        return self._update(array, key, lambda old: value, site)

    def cas(self, site: int, array: Any, key: Any, expected: Any, value: Any) -> Any:
        """The value, if the old one is the expected."""
        return self._update(array, key, lambda old: value if old == expected else old, site)

    def compare_and_swap(self, site: int, array: Any, expected: Any, value: Any) -> Any:
        """The same at the first element."""
        return self._update(array, 0, lambda old: value if old == expected else old, site)
