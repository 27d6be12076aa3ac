"""The size of a shared or local array, which Numba must know when it compiles the kernel.

It takes a number, a name from outside of the kernel, and a variable that is given nothing else; it refuses
what is computed from a name or comes with the launch, and so does the simulator.
"""

import ast

from hpcampus_kernels.simulator.values import UnsupportedError


def check_size(shape: ast.expr, definition: ast.FunctionDef) -> None:
    """Raise UnsupportedError for a size that no compiled kernel could have."""
    given = _given(definition)
    for part in shape.elts if isinstance(shape, ast.Tuple) else [shape]:
        if not _is_fixed(part, given, set()):
            raise UnsupportedError(
                f"numba.cuda can't make an array of {ast.unparse(part)} elements (line {part.lineno}): it "
                "must know the size when it compiles the kernel. Write a number, or a name for it "
                "from outside of the kernel, such as PADDED = TILE + 1."
            )


def _is_fixed(part: ast.expr, given: dict[str, list[ast.expr | None]], seen: set[str]) -> bool:
    if isinstance(part, ast.Name):
        values = given.get(part.id, [])
        return part.id not in seen and all(
            v is not None and _is_fixed(v, given, {*seen, part.id}) for v in values
        )
    if isinstance(part, ast.Subscript):
        return isinstance(part.value, ast.Name) and part.value.id not in given
    # Python itself computes what has no names in it.
    return not any(isinstance(node, ast.Name) for node in ast.walk(part))


def _given(definition: ast.FunctionDef) -> dict[str, list[ast.expr | None]]:
    """The values that variables are given, None for one that isn't known when the kernel is compiled."""
    given: dict[str, list[ast.expr | None]] = {one.arg: [None] for one in definition.args.args}
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            given.setdefault(node.targets[0].id, []).append(node.value)
    simple = {id(node.targets[0]) for node in ast.walk(definition) if isinstance(node, ast.Assign)}
    for node in ast.walk(definition):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in simple:
            given.setdefault(node.id, []).append(None)
    return given
