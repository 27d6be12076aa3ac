"""The types that Numba gives to the variables of a thread, before anything is compiled."""

from collections.abc import Iterable
from importlib import import_module
from types import FunctionType
from typing import Any

from numba.core.compiler import CompilerBase
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.np.numpy_support import as_dtype

from hpcampus_kernels.simulator.values import UnsupportedError

# Numba has no types for these.
bytecode: Any = import_module("numba.core.bytecode")
compiler: Any = import_module("numba.core.compiler")
machinery: Any = import_module("numba.core.compiler_machinery")
typed: Any = import_module("numba.core.typed_passes")
untyped: Any = import_module("numba.core.untyped_passes")
types: Any = import_module("numba.core.types")


class _Inference(CompilerBase):
    """Numba's compiler as far as its types."""

    def of(self, function: FunctionType) -> dict[str, Any]:
        state: Any = self.state
        state.func_id = bytecode.FunctionIdentity.from_function(function)
        untyped.ExtractByteCode().run_pass(state)
        state.lifted, state.lifted_from = (), None
        compiler.DefaultPassBuilder.define_untyped_pipeline(state).run(state)
        manager = machinery.PassManager("types")
        manager.add_pass(typed.NopythonTypeInference, "types")
        manager.finalize()
        manager.run(state)
        return dict(state.typemap)


def inferred(function: FunctionType, arguments: Iterable[Any]) -> dict[str, set[Any]]:
    """The types that each variable of a function has for arguments of these types: each assignment one."""
    flags = compiler.Flags()
    flags.enable_ssa, flags.error_model = True, "numpy"
    target: Any = cpu_target.target_context
    library = target.codegen().create_library("types")
    inference: Any = _Inference
    typing = inference(cpu_target.typing_context, target, library, tuple(arguments), None, flags, {})
    try:
        found = typing.of(function)
    except TypingError as error:
        raise UnsupportedError(f"Numba finds no types for this kernel on a CPU: {error}") from error
    kinds = dict[str, set[Any]]()
    for version, kind in found.items():
        # A variable `x` has the versions x, x.1, x.2 ...
        kinds.setdefault(version.partition(".")[0], set()).add(types.unliteral(kind))
    return kinds


def one_type(variable: str, kinds: set[Any]) -> Any:
    """The NumPy type that holds a number of all these types as it is."""
    shown, words = variable.lstrip("_"), " and ".join(sorted(map(str, kinds)))
    lives = "lives on after a barrier, or after what threads do together"
    if not all(isinstance(kind, types.Number | types.Boolean) for kind in kinds):
        raise UnsupportedError(
            f"{shown} is no number ({words}), and {lives}: such a kernel isn't split for a CPU"
        )
    whole = {kind for kind in kinds if isinstance(kind, types.Integer | types.Boolean)}
    # A float64 holds what an integer is before it becomes one; a float32 would round it.
    kept = kinds - whole if kinds - whole in ({types.float64}, kinds) else kinds
    found = cpu_target.typing_context.unify_types(*kept) if len(kept) == 1 or kept == whole else None
    if found is None or (kept == whole and not isinstance(found, types.Integer | types.Boolean)):
        raise UnsupportedError(
            f"{shown} is {words}, and {lives}: give it one type, as by float32(0) in place of 0.0"
        )
    return as_dtype(found)
