"""A model folder is whole or absent, says what it was made from, and loads with plain transformers."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedConfig

import stillhouse
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import git_sha, model_info, read_model_json, write_model
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError

SPEC = Spec(format=1, task="text_classification", target="classes", labels=["ä", "b"], columns={}, content_digest="")
task = TextClassification(SPEC)

INFO = {"task": "text_classification", "target": "classes", "labels": ["ä", "b"], "max_length": 16, "settings": {}}
TEXTS = ["ab cd", "ef", "gh ab cd ef"]

PLAIN = """
import json, sys
sys.modules["stillhouse"] = None
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1])
inputs = AutoTokenizer.from_pretrained(sys.argv[1])(json.loads(sys.argv[2]), padding=True, return_tensors="pt")
with torch.no_grad():
    print(json.dumps([model(**inputs).logits.softmax(-1).tolist(), model.config.id2label]))
"""


@pytest.fixture
def loaded(tiny_config: Callable[..., PreTrainedConfig]) -> LoadedModel:
    torch.manual_seed(1)
    config = tiny_config("bert", vocab_size=300)
    config.label2id, config.id2label = {"ä": 0, "b": 1}, {0: "ä", 1: "b"}
    model = AutoModelForSequenceClassification.from_config(config)
    return LoadedModel(model, train_tokenizer(TEXTS, 300, 16), INFO)


def write(loaded: LoadedModel, folder: Path, **changes: Any) -> Path:
    options: dict[str, Any] = {"info": INFO, "parents": []}
    write_model(loaded, folder, task.save, **{**options, **changes})
    return folder


def test_it_answers_in_plain_transformers_as_in_ours(loaded: LoadedModel, tmp_path: Path) -> None:
    folder = write(loaded, tmp_path / "model")
    command = [sys.executable, "-c", PLAIN, str(folder), json.dumps(TEXTS)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    plain, labels = json.loads(answer.stdout)
    assert task.answer(task.load(folder), Examples.of(text=TEXTS)) == pytest.approx(np.array(plain), abs=1e-5)
    assert labels == {"0": "ä", "1": "b"}


def test_model_json_says_what_it_was_made_from(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_GIT_SHA", "abc123")
    monkeypatch.setenv("STILLHOUSE_IMAGE_DIGEST", "sha256:1")
    parent = write(loaded, tmp_path / "parent")
    info = read_model_json(write(loaded, tmp_path / "model", parents=[parent]))
    assert info == {
        **INFO,
        "format": 1,
        "parents": [digest_folder(parent)],
        "git_sha": "abc123",
        "image_digest": "sha256:1",
        "stillhouse_version": stillhouse.__version__,
        "parameters": sum(p.numel() for p in loaded.model.parameters()),
        "load": "transformers",
        "tokenizer": "tokenizer.json",
    }


def test_the_folder_holds_safetensors_and_nothing_of_the_training_rows(loaded: LoadedModel, tmp_path: Path) -> None:
    names = {path.name for path in write(loaded, tmp_path / "model").iterdir()}
    assert names == {
        "config.json",
        "history.json",
        "model.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_the_same_model_has_the_same_digest(loaded: LoadedModel, tmp_path: Path) -> None:
    assert digest_folder(write(loaded, tmp_path / "one")) == digest_folder(write(loaded, tmp_path / "two"))


def test_nothing_is_left_of_a_model_that_cannot_be_written(loaded: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write(loaded, tmp_path / "model", info={"labels": object()})
    with pytest.raises(UserError, match="cannot write"):
        (tmp_path / "file").write_text("")
        write(loaded, tmp_path / "file" / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_pickle_beside_no_safetensors_is_refused_and_not_opened(loaded: LoadedModel, tmp_path: Path) -> None:
    folder = write(loaded, tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"model\.safetensors"):
        task.load(folder)


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_a_planted_pickle_is_not_opened(loaded: LoadedModel, tmp_path: Path) -> None:
    folder = write(loaded, tmp_path / "model")
    expected = task.answer(task.load(folder), Examples.of(text=TEXTS))
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        torch.save(Trap(tmp_path / "sprung"), folder / name)
    assert task.answer(task.load(folder), Examples.of(text=TEXTS)).tolist() == expected.tolist()
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(UserError):
        task.build(str(folder), None, Examples.of(text=[]))
    assert not (tmp_path / "sprung").exists()


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no model: model\.json and model\.safetensors are needed"):
        task.load(tmp_path)


def test_the_commit_is_that_of_the_checkout_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLHOUSE_GIT_SHA", raising=False)
    root = Path(stillhouse.__file__).parents[2]
    expected = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert git_sha() == expected.stdout.strip()
    monkeypatch.setenv("PATH", "")
    assert git_sha() == ""


NUMBER = Spec(
    format=1,
    task="t",
    target="number",
    labels=[],
    columns={"text": ["a"]},
    cleaning={"mask_pii": True},
    content_digest="d",
)


def test_model_json_holds_all_that_answers_and_reports_need() -> None:
    assert model_info(NUMBER, "r2", {"task": "t", "loop": {}}, 32) == {
        "task": "t",
        "target": "number",
        "labels": [],
        "columns": {"text": ["a"]},
        "csv": {},
        "cleaning": {"mask_pii": True},
        "main_metric": "r2",
        "max_length": 32,
        "settings": {"task": "t", "loop": {}},
        "dataset_digest": "d",
    }


def test_a_model_that_reads_whole_examples_has_no_max_length() -> None:
    assert "max_length" not in model_info(NUMBER, "r2", {}, None)


def test_what_prepare_checked_and_learnt_of_the_rows_is_in_model_json_where_there_is_such() -> None:
    spec = NUMBER.model_copy(update={"input": {"image_size": 32}, "fitted": {"mean": [0.5]}})
    info = model_info(spec, "r2", {}, None)
    assert (info["input"], info["fitted"]) == ({"image_size": 32}, {"mean": [0.5]})


def test_a_model_json_tells_what_the_dataset_told() -> None:
    """All that it takes to ask the model; and model.json is JSON."""
    told = {"csv": {"delimiter": ";"}, "input": {"image_size": 32}, "fitted": {"mean": [0.5]}}
    spec = NUMBER.model_copy(update=told)
    assert Spec.of_model(json.loads(json.dumps(model_info(spec, "r2", {}, 32)))) == spec
