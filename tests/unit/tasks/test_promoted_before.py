"""Models promoted before a base's tokenizer.json counted go on giving the answers that they gave.

tests/data/promoted-by-5c44ae6 has two, and what that commit answered with them.
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from safetensors.numpy import load_file
from tiny_bases import cased
from transformers import AutoTokenizer

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.held_against import Rival
from stillhouse.components.artifacts.model import read_model_json, write_model
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.champion import open_rival
from stillhouse.components.predict.predict import predict
from stillhouse.components.promote.rollback import rollback
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.tracking.pyfunc_model import TextModel
from stillhouse.components.tracking.registry import KEPT_CODE

DATA = Path(__file__).parents[2] / "data/promoted-by-5c44ae6"


def answers(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


def scores(answered: list[dict[str, Any]]) -> Any:
    return pytest.approx([row["score"] for row in answered], abs=1e-5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Path) -> Path:
    """A home with that store."""
    shutil.copytree(DATA / "store", tmp_path / "home/store")
    shutil.copy(database, tmp_path / "home/mlflow.db")
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def champion(home: Path) -> Path:
    """The champion's folder."""
    record = json.loads((home / "store/promotions/fruit.json").read_text())
    return home / "store/models" / record["champion"]["digest"]


def predicted(folder: Path, alias: str) -> list[dict[str, Any]]:
    out = folder / f"{alias}.jsonl"
    predict(f"models:/fruit@{alias}", DATA / "texts.jsonl", out=out)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_predict_answers_as_before_also_after_a_rollback(home: Path) -> None:
    for alias in ("champion", "previous"):
        found = predicted(home, alias)
        assert [row["label"] for row in found] == [row["label"] for row in answers(alias)]
        assert [row["score"] for row in found] == scores(answers(alias))
    rollback("fruit")
    assert [row["score"] for row in predicted(home, "champion")] == scores(answers("previous"))


def test_as_champion_it_is_compared_on_rows_that_it_never_saw(home: Path, champion: Path) -> None:
    seen = load_file(champion / "training_rows.safetensors")["hashes"][:3]
    hashes = [f"{int(row) % 2**64:016x}" + 16 * "0" for row in seen] + [f"{row:032x}" for row in range(4)]
    info = read_model_json(champion)
    spec = Spec.of_model({"task": "text_classification", **info})
    labels = [row % len(info["labels"]) for row in range(7)]
    test = Examples.of(hash=hashes, text=["ripe apple"] * 7, label=labels)

    rival = Rival(digest=champion.name, uri=f"store://models/{champion.name}")
    assert open_rival(rival, "champion", task_of(spec), test).rows.tolist() == [False] * 3 + [True] * 4
    assert not (home / "store/keys").exists()


def test_as_champion_and_as_registered_model_it_answers_as_before(champion: Path) -> None:
    texts = [row["text"] for row in answers("champion")]
    task = TextClassification(Spec.of_model(read_model_json(champion)))
    assert task.answer(task.load(champion), Examples.of(text=texts)).max(axis=1) == scores(answers("champion"))
    registered = TextModel()
    registered.load_context(SimpleNamespace(artifacts={"model": str(champion), **KEPT_CODE}))
    assert registered.predict(None, pd.DataFrame({"text": texts}))["score"].tolist() == scores(answers("champion"))


def test_the_next_run_goes_on_with_the_ids_that_its_weights_have_learnt(champion: Path, tmp_path: Path) -> None:
    info = read_model_json(champion)
    assert "tokenizer" not in info
    task = TextClassification(Spec.of_model(info))
    heir = task.build(str(champion), None, Examples.of(text=["Apple", "apple"]))
    assert heir.notes == {}
    write_model(heir, tmp_path / "heir", task.save, info=info, parents=[champion])
    assert read_model_json(tmp_path / "heir")["tokenizer"] == "tokenizer.json"
    theirs: Any = AutoTokenizer.from_pretrained(tmp_path / "heir")
    for text in ("Apple ripe", "apple ripe"):
        expected = ["[CLS]", "apple", "ripe", "[SEP]"]
        assert heir.processor.backend_tokenizer.encode(text).tokens == expected
        again = task.load(tmp_path / "heir").processor.backend_tokenizer
        assert again.encode(text).tokens == theirs.tokenize(text, add_special_tokens=True) == expected


@pytest.mark.parametrize(("written", "apple"), [("tokenizer.json", "Apple"), (None, "apple")])
def test_model_json_says_which_reading_the_weights_were_trained_with(
    written: str | None, apple: str, tmp_path: Path
) -> None:
    base = cased(tmp_path / "base")
    info = {"format": 1, "target": "classes", "labels": ["x", "y"], "max_length": 16}
    task = TextClassification(Spec.of_model({"task": "text_classification", "columns": {}, **info}))
    (base / "model.json").write_text(json.dumps(info | ({"tokenizer": written} if written else {})))
    read = task.build(str(base), None, Examples.of(text=[])).processor
    assert read.backend_tokenizer.encode("Apple").tokens == ["[CLS]", apple, "[SEP]"]
