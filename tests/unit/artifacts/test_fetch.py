"""A base model, wherever it is, becomes a local folder of safetensors."""

from pathlib import Path

import pytest

from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.errors import UserError


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_folder_is_used_in_place(base: Path) -> None:
    assert fetch_model(str(base)) == base


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_config_or_safetensors_is_refused(base: Path, missing: str) -> None:
    (base / missing).rename(base / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"config\.json and model\.safetensors are needed"):
        fetch_model(str(base))


def test_the_hashes_of_training_rows_are_no_weights(base: Path) -> None:
    (base / "model.safetensors").rename(base / "training_rows.safetensors")
    with pytest.raises(UserError, match=r"config\.json and model\.safetensors are needed"):
        fetch_model(str(base))


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model folder '.*nothing' does not exist; check the path\."):
        fetch_model(str(tmp_path / "nothing"))
