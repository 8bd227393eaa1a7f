"""Every sentence that a user's mistake can bring, as the source has it: what, where, and what to do; no inner word."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import stillhouse

ROOT = Path(stillhouse.__file__).parent
SAYING = ("UserError",)
INNER = re.compile(
    r"\b(spools?|leases?|fingerprints?|deliver(y|ies)|sentinel|kwargs|ndarray|dataclass|traceback|assert\w*|"
    r"pydantic|argparse|subprocess|stack|callback|model_student|model_teacher|step_overrides)\b",
    re.IGNORECASE,
)
"""Words for what only those know who read the source; tensors are what the files of a base model hold."""
ODD = re.compile(
    r"\bmend|\bwhence\b|\bhangs on\b|\bwithout a word\b|\bsmall letters\b|"
    r"(?<!here )\b(is|are) no (?!longer|more|further|less|better)",
    re.IGNORECASE,
)
"""What an English reader stumbles over: fix, from where, depends on, without saying why, lower case, is not a."""
WHOLE_BY_ITSELF = re.compile(r"[.?]$|}$")
"""How a sentence ends: by itself, or in what is put in."""
OF_ANOTHER = {"the champion was never registered there", "the run has no store."}
"""Parts of other sentences."""


def written(node: ast.expr) -> str:
    """A string of the source with {} for what is put in; empty for what is no string."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (written(left) or "{}") + (written(right) or "{}")
    return ""


def sentences() -> Iterator[tuple[str, str]]:
    """Place and text of each."""
    for path in sorted([*ROOT.glob("components/**/*.py"), *ROOT.glob("pipelines/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING and node.args:
                text = written(node.args[0])
                if text and text not in OF_ANOTHER:
                    yield f"{path.relative_to(ROOT)}, line {node.lineno}", text


FOUND = list(sentences())


def test_they_are_found() -> None:
    assert len(FOUND) > 150
    assert any(text.startswith("There is no recipe '{}'; ") for _, text in FOUND)


@pytest.mark.parametrize("rule", ["ends", "fix", "inner words", "odd words", "lines"])
def test_each_says_what_where_and_what_to_do(rule: str) -> None:
    breaks = {
        "ends": lambda text: not WHOLE_BY_ITSELF.search(text),
        # What is put in may hold it: the sentence of another one, or its fix.
        "fix": lambda text: not re.search(r"[;:,?]|\. |}$|: \{}", text),
        "inner words": lambda text: INNER.search(text.replace("{}", "")),
        "odd words": ODD.search,
        "lines": lambda text: "\n" in text,
    }[rule]
    assert [f"{place}: {text}" for place, text in FOUND if breaks(text)] == []


@pytest.mark.parametrize("text", ["the spool is torn; fix it.", "step_overrides is wrong; fix it."])
def test_an_inner_word_is_found(text: str) -> None:
    assert INNER.search(text)
