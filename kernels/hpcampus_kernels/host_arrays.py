"""Arrays "on the device" for a machine without one: NumPy's, with no more than a device array can do.

So a program that works here works on a GPU: nothing adds two of them, for instance, outside of a kernel.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# What such an array says of itself as NumPy's does.
SAME = frozenset({"shape", "strides", "dtype", "size", "ndim", "nbytes"})


class DeviceArray:
    """An array on the device: its shape, parts of it, and copies from and to the host."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __getattr__(self, name: str) -> Any:
        if name not in SAME:
            raise AttributeError(f"an array on the device has no {name}: copy it to the host first")
        return getattr(self.values, name)

    @property
    def T(self) -> "DeviceArray":  # noqa: N802 - NumPy's name
        """The same elements with rows and columns exchanged."""
        return DeviceArray(self.values.T)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        part = self.values[key]
        return DeviceArray(part) if isinstance(part, np.ndarray) else part

    def __setitem__(self, key: Any, value: Any) -> None:
        self.values[key] = unwrapped(value)

    def reshape(self, *shape: Any, order: Any = "C") -> "DeviceArray":
        """The same elements in another shape."""
        return DeviceArray(self.values.reshape(*shape, order=order))

    def ravel(self, order: Any = "C") -> "DeviceArray":
        """The same elements in one row."""
        return DeviceArray(self.values.ravel(order))

    def view(self, dtype: Any) -> "DeviceArray":
        """The same bytes as another type."""
        return DeviceArray(self.values.view(dtype))

    def copy_to_host(self, ary: Array | None = None, stream: Any = 0) -> Array:
        """A copy for the host, in a new array or in that one."""
        if ary is None:
            return self.values.copy()
        ary[...] = self.values
        return ary

    def copy_to_device(self, ary: Any, stream: Any = 0) -> None:
        """Fill it with those values."""
        self.values[...] = unwrapped(ary)


def unwrapped(value: Any) -> Any:
    """What the simulator takes: NumPy's array of anything that shares its memory as one, else the value."""
    if isinstance(value, DeviceArray):
        return value.values
    if isinstance(value, np.generic) or not hasattr(value, "__array_interface__"):
        return value
    return np.asarray(value)


def to_device(obj: Any, stream: Any = 0, copy: bool = True, to: DeviceArray | None = None) -> DeviceArray:
    """A copy of an array on the device, in a new array or in `to`."""
    target = to or DeviceArray(np.empty_like(np.asarray(unwrapped(obj))))
    if copy:
        target.copy_to_device(np.asarray(unwrapped(obj)))
    return target


def device_array(
    shape: Any, dtype: Any = np.float64, strides: Any = None, order: Any = "C", stream: Any = 0
) -> DeviceArray:
    """A new array on the device, which holds anything: bits that are all 1, NaN or -1, so that it shows."""
    array = np.empty(shape, dtype, order=order)
    array.reshape(-1, order="A").view(np.uint8).fill(255)
    return DeviceArray(array)


def device_array_like(ary: Any, stream: Any = 0) -> DeviceArray:
    """A new array on the device, with that shape and type."""
    return device_array(ary.shape, ary.dtype)


def pinned_array(shape: Any, dtype: Any = np.float64, strides: Any = None, order: Any = "C") -> Array:
    """A new array of the host that a GPU can copy fast."""
    return np.zeros(shape, dtype, order=order)


def mapped_array(shape: Any, dtype: Any = np.float64, **_options: Any) -> Array:
    """A new array that host and device share."""
    return np.zeros(shape, dtype)


managed_array = mapped_array
