"""What SECURITY.md says of the source: no pickle, no remote code, no code made of text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import stillhouse

ROOT = Path(stillhouse.__file__).parent
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
"""Modules whose files run code when they are read."""
MUST_SAY = {"torch.load": ("weights_only", True)}
"""Calls that are safe only with this argument."""
MUST_NOT_SAY = {"trust_remote_code": True, "allow_pickle": True, "shell": True, "weights_only": False}
NEVER = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"}


def unsafe(source: str) -> Iterator[str]:
    """What of a file's text is unsafe, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{node.lineno}: {module}" for module in modules if module.split(".")[0] in PICKLES)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        said = {one.arg: one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)}
        wrong = [name for name, value in MUST_NOT_SAY.items() if said.get(name) == value]
        argument, value = MUST_SAY.get(called, ("", None))
        if called in NEVER or wrong or (argument and said.get(argument) != value):
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_of_all_that_is_shipped() -> None:
    files = [*ROOT.glob("*.py"), *ROOT.glob("components/**/*.py"), *ROOT.glob("pipelines/**/*.py")]
    assert len(files) > 200
    assert [f"{file.relative_to(ROOT)}:{line}" for file in files for line in unsafe(file.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "AutoModel.from_pretrained(folder, trust_remote_code=True)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(line, shell=True)",
        "yaml.load(text, Loader)",
        "eval(text)",
    ],
)
def test_each_kind_is_seen(source: str) -> None:
    assert len(list(unsafe(source))) == 1


@pytest.mark.parametrize("source", ["torch.load(path, weights_only=True)", "network.eval()", "yaml.safe_load(text)"])
def test_what_is_safe_is_let_through(source: str) -> None:
    assert list(unsafe(source)) == []
