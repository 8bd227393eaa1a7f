"""The script that makes a table of the Brown corpus."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_brown.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_brown", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_is_a_sentence_with_its_sample(tmp_path: Path, script: ModuleType) -> None:
    (tmp_path / "cats.txt").write_text("cb01 editorial\nca01 news\n")
    (tmp_path / "ca01").write_text("\n\n\tThe/at Jury/nn-tl said/vbd ./.\n\n\n\tYes/rb ./.\n")
    (tmp_path / "cb01").write_text("\t1/2/cd they're/ppss+ber --/--\n")
    assert script.table_of(tmp_path).to_pylist() == [
        {"tokens": ["1/2", "they're", "--"], "tags": ["CD", "PPSS", "--"], "document": "cb01", "category": "editorial"},
        {"tokens": ["The", "Jury", "said", "."], "tags": ["AT", "NN", "VBD", "."], "document": "ca01",
         "category": "news"},
        {"tokens": ["Yes", "."], "tags": ["RB", "."], "document": "ca01", "category": "news"},
    ]  # fmt: skip


def test_an_extract_has_every_so_many_th_sample(tmp_path: Path, script: ModuleType) -> None:
    (tmp_path / "cats.txt").write_text("ca01 news\nca02 news\nca03 news\n")
    for name in ("ca01", "ca02", "ca03"):
        (tmp_path / name).write_text(f"{name}/nn\n")
    assert script.table_of(tmp_path, 2)["document"].to_pylist() == ["ca01", "ca03"]


@pytest.mark.parametrize(
    ("tag", "part"),
    [("np-tl", "NP"), ("fw-in+at-tl", "IN"), ("vbd*", "VBD"), ("*", "*"), ("*-hl", "*"), ("--", "--"), ("---hl", "--"),
     ("at-nc-hl", "AT"), ("pp$", "PP$"), ("''", "''")],
)  # fmt: skip
def test_a_part_of_speech_is_what_is_left_of_a_tag(script: ModuleType, tag: str, part: str) -> None:
    assert script.simple(tag) == part
