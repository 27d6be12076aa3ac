"""Random small kernels: simulator and CPU agree to the last bit; so does a GPU, in test_gpu.py.

`CAMPUS_EXAMPLES=1000` asks for more of them. Each is compiled, which takes most of the time.
"""

import os
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import on_cpu
from hpcampus_kernels.simulator import simulate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_kernels import BLOCKS, arguments, programs, written

MANY = int(os.environ.get("CAMPUS_EXAMPLES", "10"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of overflow in floats
@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
@given(programs, st.sampled_from([32, 64]), st.integers(0, 3), st.integers(0, 99))
def test_simulator_and_cpu_agree(parts: Any, threads: int, schedule: int, seed: int) -> None:
    kernel, text = written(parts)
    here, there = arguments(seed), arguments(seed)
    report = simulate(kernel, BLOCKS, threads, *here, schedule=schedule)
    assert not report.findings, f"{text}\n{report}"
    on_cpu(kernel, parallel=False)[BLOCKS, threads](*there)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=text)
