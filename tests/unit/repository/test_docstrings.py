"""Who calls a function that takes or gives arrays reads their shapes and dtypes in its docstring."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
ARRAY = re.compile(r"\b(ndarray|Tensor)\b")
NAMED = re.compile(r"\b(dict|Mapping)\[str, [^\]]*(ndarray|Tensor)\b")
"""Tensors by name: they have as many shapes as names."""
HEADER = "components/storage/", "components/models/weights.py"
"""There a `Tensor` is an entry of a file's header, and no array."""
SHAPE = re.compile(r"\[[a-z0-9_ ,.*+]+\]|\bscalar\b|shape")
DTYPE = re.compile(r"\b(u?int\d*|float\d*|bool|dtypes?|scalar|strings?)\b")


def public_functions(tree: ast.AST, within_class: bool = False) -> Iterator[tuple[ast.FunctionDef, bool]]:
    """Functions of a module and methods of its public classes, and whether it is a method."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from public_functions(node, within_class=True)
        elif isinstance(node, ast.FunctionDef):
            yield node, within_class


def takes_or_gives_arrays(function: ast.FunctionDef) -> bool:
    arguments = function.args.args + function.args.kwonlyargs
    annotations = [of.annotation for of in arguments] + [function.returns]
    written = " ".join(ast.unparse(of).strip("'\"") for of in annotations if of is not None)
    return bool(ARRAY.search(NAMED.sub("", written)))


def lacking() -> Iterator[str]:
    for path in sorted((ROOT / "components").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(HEADER):
            continue
        for function, is_method in public_functions(ast.parse(path.read_text(encoding="utf-8"))):
            said = ast.get_docstring(function)
            if not takes_or_gives_arrays(function) or (said is None and is_method):
                continue  # a method without a docstring does what the one above it says
            if not (said and SHAPE.search(said) and DTYPE.search(said)):
                yield f"{name}:{function.lineno} {function.name}"


def test_public_functions_name_shape_and_dtype_of_their_arrays() -> None:
    assert list(lacking()) == []
