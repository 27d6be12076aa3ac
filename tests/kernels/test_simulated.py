"""`cuda` without a GPU: kernels run, arrays behave like a device's, and a wrong launch says what is wrong."""

import re
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import simulated as cuda
from hpcampus_kernels.simulated import LaunchError, atomic, grid
from numba import float32


@cuda.jit(device=True)
def square(x: Any) -> Any:
    return x * x


@cuda.jit
def squares(x: Any, out: Any) -> None:
    part = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    part[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    out[cuda.grid(1)] = square(part[t])


@cuda.jit("void(int32[:])", fastmath=True)
def count(total: Any) -> None:
    if grid(1) < 100:
        atomic.add(total, 0, 1)


@cuda.jit
def one_too_far(x: Any) -> None:
    x[cuda.threadIdx.x] = 1


def test_a_program_for_a_gpu_runs() -> None:
    host = np.arange(8, dtype=np.float32)
    stream, start, end = cuda.stream(), cuda.event(), cuda.event()
    x, out = cuda.to_device(host, stream), cuda.device_array_like(host)
    assert np.isnan(out.copy_to_host()).all()
    start.record(stream)
    with stream.auto_synchronize():
        squares[2, 4, stream, 4 * 4](x, out)
    end.record(stream)
    cuda.synchronize()
    assert start.elapsed_time(end) > 0
    assert out.copy_to_host().tolist() == (host**2).tolist()
    assert cuda.is_available()


def test_a_launch_for_all_has_enough_threads() -> None:
    total = np.zeros(1, np.int32)
    count.forall(100, 48)(total)
    assert total[0] == 100


def test_host_arrays_and_parts_of_device_arrays_are_filled_in_place() -> None:
    image = cuda.to_device(np.zeros((2, 8), np.float32))
    squares[1, 8, 0, 32](np.full(8, 3, np.float32), image[1])
    assert image.copy_to_host().tolist() == [[0] * 8, [9] * 8]
    again = np.empty((2, 8), np.float32)
    assert image.copy_to_host(again) is again
    assert image.T.shape == (8, 2)
    assert isinstance(image[1], cuda.DeviceArray)
    assert len(image.reshape(16)) == image.ravel().size == 16


class Foreign:
    """An array of another library that shares its memory, as a torch tensor on the CPU does."""

    def __init__(self, array: "np.ndarray[Any, Any]") -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


def test_arrays_of_other_libraries_are_filled_in_place() -> None:
    total = np.zeros(1, np.int32)
    count[1, 8](Foreign(total))
    assert total[0] == 8


def test_the_device_has_a_copy() -> None:
    host = np.zeros(4, np.float32)
    device = cuda.to_device(host)
    host[0] = 5
    assert device[0] == 0
    device.copy_to_device(host)
    assert device[0] == 5


def test_a_device_array_does_no_arithmetic() -> None:
    with pytest.raises(TypeError):
        cuda.device_array(3) + 1
    with pytest.raises(AttributeError, match="copy it to the host first"):
        cuda.device_array(3).sum()


def test_a_stray_access_stops_the_program_with_its_words() -> None:
    words = "one_too_far was stopped: Thread 3 of block 0 changed x[3], but x has 3 elements, 0 to 2 (line "
    with pytest.raises(LaunchError, match=re.escape(words)) as caught:
        one_too_far[1, 4](cuda.device_array(3))
    assert caught.value._render_traceback_() == [str(caught.value)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: squares(1, 2), "squares needs a launch: squares"),
        (lambda: square[1, 1](2), "square is a device function"),
        (lambda: squares[1], "a launch is kernel"),
        (lambda: cuda.shared.array(3, float32), "cuda.shared.array works in kernels only"),
        (lambda: cuda.event().elapsed_time(cuda.event()), "not recorded"),
    ],
)
def test_what_makes_no_sense_is_said(wrong: Any, words: str) -> None:
    with pytest.raises((LaunchError, ValueError), match=words):
        wrong()


def test_an_unknown_name_is_no_name() -> None:
    assert not hasattr(cuda, "sharde")


@cuda.jit
def draw(states: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = cuda.random.xoroshiro128p_uniform_float32(states, i)


def test_random_numbers_have_their_states_from_the_host() -> None:
    out = np.zeros(4, np.float32)
    draw[1, 4](cuda.to_device(cuda.random.create_xoroshiro128p_states(4, 1)), out)
    assert len(set(out.tolist())) == 4
    assert ((out >= 0) & (out < 1)).all()
