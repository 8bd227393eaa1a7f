"""TF-IDF with a linear model, as a model folder of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import write_baseline
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.tasks import task_of
from stillhouse.errors import UserError

TEXTS = ["Pills, pills and MORE pills", "the meeting", "", "étude pills"]
INFO = {"task": "text_classification", "target": "classes", "labels": ["ham", "odd", "spam"], "columns": {}}
task = task_of(Spec.of_model(INFO))


def model(target: str = "classes") -> TfidfLinear:
    weights = np.array([[-1.5, 2.0, 0.1], [0.0, 0.0, 0.0], [3.0, -1.0, 0.2]])
    return TfidfLinear(
        target, ["pills", "meeting", "étude"], np.array([1.2, 1.5, 2.0]), weights, np.array([0, -np.inf, 1])
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_baseline(model(), tmp_path / "model", info=INFO)
    return tmp_path / "model"


def test_the_answer_for_one_text_by_hand() -> None:
    """Two words: (1 + ln 3) * 1.2 and 2.0, at length 1."""
    pills, etude = (1 + np.log(3)) * 1.2, 2.0
    length = np.hypot(pills, etude)
    ham, spam = (-1.5 * pills + 0.1 * etude) / length, (3.0 * pills + 0.2 * etude) / length + 1
    scores = model().score(["PILLS pills étude pills unknown"])
    assert scores[0] == pytest.approx([np.exp(ham), 0, np.exp(spam)] / (np.exp(ham) + np.exp(spam)), abs=1e-6)


def test_a_text_without_a_known_word_gets_the_bias() -> None:
    assert model().score(["", "none of them"]) == pytest.approx(np.array([[1, 0, np.e]] * 2) / (1 + np.e), abs=1e-6)


def test_it_is_loaded_through_its_task_and_answers_the_same(folder: Path) -> None:
    told = list[int]()
    loaded = task.load(folder, "cuda")
    assert task.answer(loaded, Examples.of(text=TEXTS), progress=told.append).tolist() == model().score(TEXTS).tolist()
    assert (told, loaded.info["labels"]) == ([4], ["ham", "odd", "spam"])
    assert task.answer(loaded, Examples.of(text=[])).shape == (0, 3)


def test_the_folder_holds_weights_and_words_and_nothing_of_the_rows_it_saw(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.json", "model.safetensors", "vocabulary.json"}
    info = json.loads((folder / "model.json").read_text())
    assert (info["format"], info["load"], info["parameters"], info["parents"]) == (1, "tfidf_linear", 12, [])
    assert load_file(folder / "model.safetensors")["weights"].shape == (3, 3)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "vocabulary.json",
            '["pills"]',
            "vocabulary.json has 1 words, which the shapes in model.safetensors do not fit",
        ),
        ("vocabulary.json", '{"pills": 0}', "vocabulary.json is not a list of words"),
        ("vocabulary.json", "[", "Expecting value"),
        ("vocabulary.json", None, "vocabulary.json cannot be read"),
        ("model.safetensors", "x", "model.safetensors or vocabulary.json cannot be read"),
    ],
)
def test_a_damaged_folder_is_one_sentence(folder: Path, name: str, content: Any, sentence: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError) as raised:
        task.load(folder)
    assert sentence in str(raised.value)
    assert str(raised.value).endswith("; copy it again, or take another version.")


def test_weights_of_a_transformer_under_its_name_are_refused(folder: Path) -> None:
    save_file({"bert.embeddings": np.zeros(3, np.float32)}, folder / "model.safetensors")
    with pytest.raises(UserError, match="cannot be read"):
        task.load(folder)
