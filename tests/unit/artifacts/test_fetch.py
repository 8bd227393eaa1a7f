"""A base model, wherever it is, becomes a local folder of safetensors."""

import os
from pathlib import Path

import numpy as np
import pytest
from bases_on_disk import CONFIG, bert_tensors, write_base

from stillhouse.components.artifacts import fetch
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.model import write_baseline
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.storage.home import FETCHED
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_base(tmp_path / "base")


def test_a_folder_is_used_in_place(base: Path) -> None:
    assert fetch_model(str(base)) == base


def test_a_folder_without_config_is_refused(base: Path) -> None:
    (base / "config.json").unlink()
    with pytest.raises(UserError, match=r"it has no config\.json \(it holds"):
        fetch_model(str(base))


@pytest.mark.parametrize("other", ["pytorch_model.bin", "training_rows.safetensors"])
def test_weights_under_another_name_are_refused(base: Path, other: str) -> None:
    (base / "model.safetensors").rename(base / other)
    with pytest.raises(UserError, match=rf"{other}"):
        fetch_model(str(base))


def test_of_sentence_transformers_the_transformers_folder_is_used(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sentences"
    module = {"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}
    write_base(folder, {}, files={"modules.json": [module], "config.json": None, "tokenizer.json": None})
    base.rename(folder / "0_Transformer")
    assert fetch_model(str(folder)) == folder / "0_Transformer"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model folder '.*nothing' does not exist; check the path\."):
        fetch_model(str(tmp_path / "nothing"))


@pytest.fixture
def in_store(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of the model in a store; a folder stands in for the bucket."""
    store = open_store(tmp_path / "bucket")
    store.put_folder(base, "models/abc")
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetch, "open_store", lambda url: open_store(tmp_path / url.removeprefix("s3://")))
    return "s3://bucket/models/abc"


def fetched(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home" / FETCHED).iterdir())


def test_a_model_in_a_store_is_fetched_once(in_store: str, base: Path, tmp_path: Path) -> None:
    folder = fetch_model(in_store)
    inode = (folder / "config.json").stat().st_ino
    assert fetch_model(f"{in_store}/") == folder
    assert (folder / "config.json").stat().st_ino == inode
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in base.iterdir()
    }
    assert fetched(tmp_path) == [folder]


def test_a_model_that_changed_in_its_store_is_fetched_anew(in_store: str, base: Path, tmp_path: Path) -> None:
    before = fetch_model(in_store)
    write_base(base, bert_tensors(CONFIG, "bert."))
    open_store(tmp_path / "bucket").put_folder(base, "models/abc")
    after = fetch_model(in_store)
    assert (after / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    assert sorted(fetched(tmp_path)) == sorted([before, after])


def test_a_fetched_model_that_was_damaged_is_fetched_again(in_store: str, base: Path, tmp_path: Path) -> None:
    (fetch_model(in_store) / "model.safetensors").write_bytes(b"rot")
    assert (fetch_model(in_store) / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    assert len(fetched(tmp_path)) == 1


def test_a_fetched_model_counts_as_new_when_it_is_used(in_store: str) -> None:
    folder = fetch_model(in_store)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    fetch_model(in_store)
    assert min(path.stat().st_mtime for path in folder.iterdir()) > 1


def test_a_model_that_no_store_has_is_one_sentence(in_store: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model 's3://bucket/models/def' does not exist; check the address\."):
        fetch_model("s3://bucket/models/def")
    assert not (tmp_path / "home" / FETCHED).exists()


def test_a_network_of_an_architecture_of_its_own_is_left_to_its_task_if_stillhouse_made_it(tmp_path: Path) -> None:
    (folder := tmp_path / "model").mkdir()
    (folder / "config.json").write_text('{"model_type": "stillhouse_tabular"}')
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="stillhouse_tabular is an architecture that is not supported"):
        fetch_model(str(folder))

    (folder / "model.json").write_text('{"task": "tabular", "load": "transformers"}')
    assert fetch_model(str(folder)) == fetch_model(str(folder), as_base=False) == folder

    (folder / "config.json").write_text('{"model_type": "stillhouse_tabular", "auto_map": {"AutoModel": "x.Y"}}')
    with pytest.raises(UserError, match="asks for code of its own"):
        fetch_model(str(folder), as_base=False)


def test_a_model_without_weights_to_start_from_is_fetched_only_to_answer(tmp_path: Path) -> None:
    model = TfidfLinear("classes", ["a"], np.ones(1), np.zeros((2, 1)), np.zeros(2))
    write_baseline(model, tmp_path / "model", info={"target": "classes"})

    assert fetch_model(str(tmp_path / "model"), as_base=False) == tmp_path / "model"
    with pytest.raises(UserError, match="it is TF-IDF with a linear model, which has no weights to start from; name a"):
        fetch_model(str(tmp_path / "model"))
