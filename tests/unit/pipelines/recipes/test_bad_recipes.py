"""Whatever a recipe holds, it is read or refused in one sentence: no traceback, no hang, nothing written."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from stillhouse.components.inspect.settings import Parameters
from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.recipe import load_recipe

NUM_EXAMPLES = 2 * settings().max_examples
TRIED = settings(
    max_examples=NUM_EXAMPLES // 2,
    deadline=None,
    derandomize=settings().max_examples == 100,
    suppress_health_check=list(HealthCheck),
)
MAX_SECONDS = 10.0

RECIPE = """\
name: reviews
task: text_classification
seed: 1
data:
  source: reviews.csv
  columns:
    text: [title, body]
    label: stars
model:
  base: ""
  teacher: {layers: 2, width: 96, heads: 2}
  student: {layers: 1}
prepare:
  max_characters: 100
  slices: []
pretrain:
  objective: masked_lm
finetune:
  loop: {epochs: 2}
  optimizer: {learning_rate: 0.001}
distill:
  temperature: 2.0
evaluate: {}
promote:
  within_teacher: 0.02
"""

ODD = [
    "!!python/object/apply:os.system [id]",
    "!!python/name:os.system",
    "!!binary aGk=",
    "!!binary '!'",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!omap x",
    "!!timestamp x",
    "!<tag:x> 1",
    "!x 1",
    "2026-01-01",
    "2026-13-41",
    "2026-01-01 25:61:61",
    ".nan",
    ".inf",
    "-.inf",
    "1e400",
    "1.0e+400",
    "9" * 30,
    "9" * 5000,
    "0x" + "f" * 5000,
    "1__",
    "0o777",
    "59:59:59",
    "190:20:30.15",
    "~",
    "null",
    "yes",
    "''",
    "' '",
    '"\\ud800"',
    '"\\0"',
    '"\\u202eabc"',
    '"a\\nb"',
    "/dev/zero",
    "/proc/self/mem",
    "~nobody-like-this/x.csv",
    "../../../../etc/passwd",
    "http://169.254.169.254/latest",
    "s3://",
    "hf://",
    "file:///etc/passwd",
    "file://elsewhere/x",
    "https://[::1",
    "a" * 5000,
    "{}",
    "[]",
    "{a: {b: {c: 1}}}",
    "[[[[[[1]]]]]]",
    "{1: 2}",
    "{null: 1}",
    "{[a]: b}",
    "{? {a: b} : c}",
    "&a [*a]",
    "*nowhere",
    "<<: *nowhere",
    "{<<: [1]}",
    "{<<: {epochs: 3}}",
    "-1",
    "0",
    "1.5",
    "-0.0",
    "true",
    "%YAML 9.9",
    "---",
    "...",
    "\t",
    "@",
    "`",
    "|",
    ">-",
    "é",
    "\ufeff",
    "\x85",
    "\u2028",
]
PATHS = [
    *("name", "task", "seed", "data.source", "data.columns.text", "data.columns.label", "model.base"),
    *("model.teacher.layers", "model.student.layers", "model.student.base", "prepare.max_characters"),
    *("prepare.slices", "pretrain.objective", "finetune.loop.epochs", "finetune.optimizer.learning_rate"),
    *("distill.temperature", "evaluate", "promote.within_teacher", "finetune", "data", "model"),
]
KEYS = [line.split(":")[0].strip() for line in RECIPE.splitlines()]

scalars = st.sampled_from(ODD) | st.text(max_size=12) | st.integers().map(str) | st.floats().map(str)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def changed_lines(draw: st.DrawFn) -> bytes:
    """The recipe with a few of its lines changed, moved, doubled or left out."""
    lines: list[str] = list(map(str, RECIPE.splitlines()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, colon, value = lines[at].partition(":")
        new = draw(scalars)
        lines[at : at + 1] = draw(
            st.sampled_from(
                [
                    [f"{key}{colon} {new}"],
                    [f"{new}{colon}{value}"],
                    [lines[at], lines[at]],
                    [],
                    [lines[at], new],
                    [f"  {lines[at]}"],
                    [lines[at].lstrip()],
                    [f"{key}{colon}"],
                    [f"{key}: &a {new}", f"{key}x: *a"],
                ]
            )
        )
    return "\n".join(lines).encode("utf-8", "replace")


@st.composite
def changed_values(draw: st.DrawFn) -> bytes:
    """The recipe with a value of any type at a known or unknown place."""
    document: Any = yaml.safe_load(RECIPE)
    for _ in range(draw(st.integers(1, 2))):
        place = document
        while True:
            key = draw(st.sampled_from([*place, "unknown"]))
            if not isinstance(place.get(key), dict) or not place[key] or draw(st.booleans()):
                break
            place = place[key]
        place[key] = draw(values)
    return yaml.safe_dump(document, allow_unicode=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def changed_bytes(draw: st.DrawFn) -> bytes:
    """The recipe cut off, with bytes over it, or in another encoding."""
    data = bytearray(RECIPE.encode())
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    if draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))]
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1", "utf-8-sig"]))
    return bytes(data).decode("utf-8", "replace").encode(encoding, "replace")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "reviews.csv").write_text("title,body,stars\nGood,I like it,5\n")
    return folder


def read_or_refused(folder: Path, recipe: bytes, overrides: list[str] | None = None) -> str:
    """The sentence with which it is refused; empty when it is read, and then all of it is plain JSON."""
    path = folder / "recipe.yaml"
    path.write_bytes(recipe)
    begun = time.monotonic()
    sentence = ""
    try:
        parameters = load_recipe(str(path), overrides or []).parameters()
    except UserError as error:
        sentence = str(error)
        assert sentence.startswith((str(path), "--set ", "'")), sentence
        assert sentence.isprintable() and len(sentence) <= 1201, sentence
        assert sentence.endswith((".", "?")), sentence
    else:
        assert Parameters.model_validate(json.loads(json.dumps(parameters, allow_nan=False))).steps("here")
    assert time.monotonic() - begun < MAX_SECONDS
    assert sorted(folder.iterdir()) == [path, folder / "reviews.csv"]
    return sentence


@TRIED
@given(recipe=changed_lines() | changed_values() | changed_bytes())
def test_a_recipe_is_read_or_refused_in_one_sentence(folder: Path, recipe: bytes) -> None:
    event("refused" if read_or_refused(folder, recipe) else "read")


@TRIED
@given(key=st.sampled_from(PATHS) | st.text(max_size=8), value=scalars)
def test_an_override_is_taken_or_refused_in_one_sentence(folder: Path, key: str, value: str) -> None:
    event("refused" if read_or_refused(folder, RECIPE.encode(), [f"{key}={value}"]) else "read")


def laughs(levels: int) -> bytes:
    """A `billion laughs`: each level holds the one before nine times."""
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines).encode()


def merged(levels: int) -> bytes:
    """The same with merge keys, which YAML writes out while it reads."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, levels)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (laughs(12), "its aliases stand for more than 20,000 values"),
        (merged(9), "its aliases stand for more than 20,000 values"),
        (b"name: &a [*a]", "its aliases stand for more than 20,000 values"),
        (b"name: " + b"[" * 60_000, "its values lie too deep in one another"),
        (b"name: " + b"{a: " * 15_000, "its values lie too deep in one another"),
        (b"- " * 30_000, "its values lie too deep in one another"),
        (b"#" * 10_000_000, "more than 65,536 bytes are too many"),
        (b"seed: " + b"9" * 5_000, "not valid YAML (Exceeds the limit"),
        (b"seed: " + b"1:" * 30_000 + b"1", "whole number beyond 2^53"),
        (b"seed: 0x" + b"f" * 60_000, "line 1: 'seed' is a whole number beyond 2^53"),
        (b"name: a\nseed: .nan", "line 2: 'seed' is nan; write a finite number"),
        (b"name: 2026-01-01", "line 1: 'name' holds a date; write a text"),
        (b"name: a\ndata: {1: 2}", "line 2: 'data' has the key 1, which is not text; quote it"),
        (b"name: !!binary aGk=", "'name' holds a bytes"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_a_recipe_that_means_harm_is_refused_at_once(folder: Path, recipe: bytes, sentence: str) -> None:
    assert sentence in read_or_refused(folder, recipe)


def test_aliases_and_merge_keys_within_reason_are_read(folder: Path) -> None:
    recipe = RECIPE.replace("loop: {epochs: 2}", "loop: &loop {epochs: 2}").replace(
        "temperature: 2.0", "temperature: 2.0\n  loop: {<<: *loop, epochs: 3}"
    )
    assert read_or_refused(folder, recipe.encode()) == ""
    assert load_recipe(str(folder / "recipe.yaml")).distill["loop"] == {"epochs": 3}
