from pathlib import Path

import pytest

from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.yaml_document import Document, read_document


@pytest.fixture
def document(tmp_path: Path) -> Document:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\n\nloop:\n  epochs: 2\n  texts:\n  - x\n  - y\nflow: {a: 1, b: 2}\n")
    return read_document(path)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("name",), 1),
        (("loop", "epochs"), 4),
        (("loop", "texts", "1"), 7),
        (("loop", "texts", 1), 7),
        (("flow", "b"), 8),
        (("loop", "missing"), 3),
        (("loop", "epochs", "deeper"), 4),
    ],
)
def test_a_key_has_its_line_and_a_missing_one_that_of_the_nearest_key_around_it(
    document: Document, key: tuple[str | int, ...], line: int
) -> None:
    assert document.place(key) == f"{document.path}, line {line}"


def test_a_missing_key_of_the_top_level_has_the_file_as_its_place(document: Document) -> None:
    assert document.place(("missing",)) == str(document.path)


def test_a_setting_replaces_a_value_and_becomes_its_place(document: Document) -> None:
    document.override(["loop.epochs=3"])
    assert document.values["loop"]["epochs"] == 3
    assert document.place(("loop", "epochs")) == "--set loop.epochs=3"


def test_a_setting_makes_the_mappings_it_needs(document: Document) -> None:
    document.override(["new.deep.key=[1, two]", "name=b=c"])
    assert document.values["new"] == {"deep": {"key": [1, "two"]}}
    assert document.values["name"] == "b=c"


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("loop.epochs", "write it as key=value"),
        ("=3", "write it as key=value"),
        ("loop..epochs=3", "write it as key=value"),
        ("loop.epochs={", "is not valid YAML"),
        ("name.first=x", "'name' holds 'a'"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(document: Document, setting: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem) as raised:
        document.override([setting])
    assert f"--set {setting}: " in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a\nseed: [1\n", "line 3: not valid YAML"),
        ("name: a\nseed: 1\nname: b\n", "line 3: 'name' is given twice, first in line 1"),
        ("loop:\n  epochs: 1\n  epochs: 2\n", "line 3: 'loop.epochs' is given twice, first in line 2"),
        ("name: \udcff\n", "not valid YAML"),
        ("- a\n", "this is not a recipe"),
        ("", "this is not a recipe"),
        ("name: !!python/object:os.system x\n", "line 1: not valid YAML"),
    ],
)
def test_a_file_that_is_no_plain_mapping_is_refused_with_the_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(UserError, match=sentence) as raised:
        read_document(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
