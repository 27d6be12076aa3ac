"""numba-cuda as it rounds when it fuses nothing, so that a GPU agrees with others to the last bit."""

from importlib import import_module
from typing import Any

import pytest


def unfused(patch: pytest.MonkeyPatch) -> None:
    """From here on a product and a sum stay two roundings in each kernel that numba-cuda compiles.

    `cuda.jit` has no setting for that, but NVVM has, and what is compiled through it says `mul.rn`.
    """
    dispatcher: Any = import_module("numba.cuda.dispatcher")
    original = dispatcher.compile_cuda

    def compile_cuda(*arguments: Any, nvvm_options: dict[str, Any], **more: Any) -> Any:
        return original(*arguments, nvvm_options=nvvm_options | {"fma": 0}, **more)

    patch.setattr(dispatcher, "compile_cuda", compile_cuda)
