"""A recipe's base models: folders lie beside the recipe, and what cannot work is said with file, line and key."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bases_on_disk import CONFIG, bert_tensors, write_base
from typer.testing import CliRunner

from stillhouse.errors import UserError
from stillhouse.pipelines.cli.app import app
from stillhouse.pipelines.recipes.recipe import load_recipe

LORA = {"peft_type": "LORA", "base_model_name_or_path": "owner/bert"}
NOT_A_MODEL = {"config.json": None, "tokenizer.json": None, "tokenizer_config.json": None}


def write_recipe(folder: Path, base: str, student: str = "") -> Path:
    """A recipe whose line 6 names `base`."""
    (folder / "rows.csv").write_text("text,label\nhello,ham\nbye,spam\n")
    path = folder / "recipe.yaml"
    path.write_text(
        "name: tickets\ndata:\n  source: rows.csv\n  columns: {text: [text], label: label}\nmodel:\n"
        f"  base: {base}\n" + (f"  student: {{base: {student}}}\n" if student else "")
    )
    return path


def test_a_folder_is_meant_from_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_base(tmp_path / "mybase")
    monkeypatch.chdir(tmp_path.parent)
    for base, student in (("mybase", "./mybase"), ("./mybase/", "mybase")):
        model = load_recipe(str(write_recipe(tmp_path, base, student))).model
        assert model.base == model.student.base == str(tmp_path / "mybase")


def test_an_override_is_meant_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_base(tmp_path / "elsewhere" / "mine")
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = load_recipe(str(write_recipe(tmp_path, '""')), ["model.base=mine"])
    assert loaded.model.base == str(tmp_path / "elsewhere" / "mine")


def test_the_other_model_before_the_first_champion_is_meant_from_the_recipe(tmp_path: Path) -> None:
    write_base(tmp_path / "bert")
    loaded = load_recipe(str(write_recipe(tmp_path, "champion, else bert")))
    assert loaded.model.base == f"champion, else {tmp_path}/bert"


@pytest.mark.parametrize(
    "base", ['""', "champion", "hf://owner/name", "s3://bucket/bert", "models:/spam@champion", "models:/spam/3"]
)
def test_other_addresses_are_left_as_they_are(tmp_path: Path, base: str) -> None:
    assert load_recipe(str(write_recipe(tmp_path, base))).model.base == base.strip('"')


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        (
            "some-hub-name",
            "there is no folder '{0}/some-hub-name'; correct model.base, or write hf://some-hub-name f",
        ),
        ("owner/name", "there is no folder '{0}/owner/name'; correct model.base, or write hf://owner/name for a model"),
        ("./no/such/folder", "there is no folder '{0}/no/such/folder'; correct model.base."),
        ("champion, else nothing", "there is no folder '{0}/nothing'; correct model.base, or write hf://nothing for"),
        ("rows.csv", "model.base 'rows.csv' is a file; name the folder of a model, or a ResNet of"),
        ("lora, on nothing", "there is no folder '{0}/lora'; correct model.base"),
    ],
)
def test_a_base_that_is_not_there_is_said_with_file_line_and_key(tmp_path: Path, base: str, sentence: str) -> None:
    path = write_recipe(tmp_path, base)
    with pytest.raises(UserError) as refused:
        load_recipe(str(path))
    assert str(refused.value).startswith(f"{path}, line 6: {sentence.format(tmp_path)}")


def test_the_students_base_is_looked_at_too(tmp_path: Path) -> None:
    write_base(tmp_path / "old", config={"model_type": "t5"})
    path = write_recipe(tmp_path, '""', "old")
    with pytest.raises(UserError) as refused:
        load_recipe(str(path))
    assert str(refused.value).startswith(
        f"{path}, line 7: base '{tmp_path}/old': t5 is an encoder and a decoder in one"
    )


@pytest.mark.parametrize(
    ("tensors", "config", "files", "sentence"),
    [
        (
            None,
            {"quantization_config": {"quant_method": "bitsandbytes"}},
            {},
            "its weights are quan",
        ),
        ({}, {}, {"pytorch_model.bin": b"x"}, "its weights are in pytorch_model.bin, a pickle, which is never opened;"),
        (
            {},
            {},
            {**NOT_A_MODEL, "adapter_config.json": LORA, "adapter_model.bin": b""},
            "its weights are in adapter",
        ),
        (None, {}, {"tokenizer.json": None}, "it has no tokenizer (tokenizer.json, vocab.txt, vocab.json with merges."),
        (None, {"model_type": "xlnet"}, {}, "xlnet is an architecture that is not supported; take a base of one of"),
        (None, {"vocab_size": 10}, {}, "its tokenizer gives ids up to 13 ('row'), and its embeddings have 10 rows"),
    ],
    ids=["quantised", "pickle", "adapters", "no tokenizer", "architecture", "long tokenizer"],
)
def test_run_refuses_what_cannot_work_with_exit_code_2_and_writes_nothing(
    tmp_path: Path, tensors: Any, config: dict[str, Any], files: dict[str, Any], sentence: str
) -> None:
    write_base(tmp_path / "mybase", tensors, config, files)
    path = write_recipe(tmp_path, "mybase")
    ended = CliRunner().invoke(app, ["run", str(path), "--home", str(tmp_path / "home")])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"{path}, line 6: base '{tmp_path}/mybase': {sentence}")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "home").exists()


@pytest.mark.faults
@pytest.mark.parametrize(
    ("tensors", "code", "sentence"),
    [
        (
            {name: one for name, one in bert_tensors(CONFIG).items() if ".1." not in name},
            2,
            "16 of the 37 tensors of its architecture are not in it",
        ),
        (bert_tensors(CONFIG, "module."), 2, "named with 'module.' before them, which is taken off"),
    ],
    ids=["thinned", "prefix"],
)
def test_what_the_tensors_tell_is_said_before_anything_is_prepared(
    tmp_path: Path, tensors: Any, code: int, sentence: str
) -> None:
    write_base(tmp_path / "mybase", tensors)
    path = write_recipe(tmp_path, "mybase")  # of two rows, which prepare refuses
    command = [sys.executable, "-m", "stillhouse.pipelines.cli.app", "run", str(path), "--home", str(tmp_path / "home")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == code, ended.stderr
    assert sentence in (ended.stderr if "tensors of" in sentence else ended.stdout), (ended.stderr, ended.stdout)
    states = json.loads(next((tmp_path / "home").glob("*/summary.json")).read_text())
    assert "prepare" in str(states)
