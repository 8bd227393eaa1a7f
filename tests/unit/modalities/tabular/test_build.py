"""Networks made for a table's columns, and read again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stillhouse.components.modalities.tabular.build import (
    bin_edges,
    load_model,
    new_model,
    read_columns,
    smaller,
    write_columns,
)
from stillhouse.components.modalities.tabular.columns import Columns, NumberColumn
from stillhouse.components.modalities.tabular.encode import Encoded
from stillhouse.components.modalities.tabular.pretraining import pretraining_loss, pretraining_samples
from stillhouse.components.models.layers import output_layer
from stillhouse.components.models.tabular_settings import TabularArchitecture
from stillhouse.errors import UserError

SMALL = TabularArchitecture(network="ft_transformer", layers=2, width=16, heads=2, bins=4)
HEAD = {"num_labels": 3, "problem_type": "single_label_classification"}


@pytest.fixture
def pretrained(columns: Columns, tmp_path: Path) -> Path:
    """The folder of a denoising autoencoder."""
    torch.manual_seed(1)
    new_model(columns, SMALL).save_pretrained(tmp_path)
    write_columns(columns, tmp_path)
    return tmp_path


def test_bins_hold_equal_shares_of_the_training_rows() -> None:
    quantiles = [float(i) for i in range(65)]
    column = NumberColumn(name="x", mean=32.0, spread=2.0, quantiles=quantiles, missing=1)
    assert bin_edges(Columns(columns=[column]), 4) == [[-16.0, -8.0, 0.0, 8.0, 16.0], []]
    assert bin_edges(Columns(columns=[column]), 1) == [[], []]


def test_bins_without_a_width_are_left_out() -> None:
    column = NumberColumn(name="x", mean=0.0, spread=1.0, quantiles=[0.0] * 60 + [1.0] * 5, missing=0)
    assert bin_edges(Columns(columns=[column]), 16) == [[0.0, 1.0]]
    column = NumberColumn(name="x", mean=0.0, spread=1.0, quantiles=[0.0] * 65, missing=0)
    assert bin_edges(Columns(columns=[column]), 16) == [[]]


@pytest.mark.parametrize("network", ["mlp", "ft_transformer"])
def test_denoising_is_learnt(columns: Columns, encoded: Encoded, network: str) -> None:
    torch.manual_seed(0)
    shape = {"network": network, "layers": 1, "width": 16, "heads": 2, "bins": 4}
    model = new_model(columns, TabularArchitecture.model_validate(shape))
    samples = pretraining_samples(columns, encoded, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    losses = []
    for epoch in range(30):
        loss, count = pretraining_loss(model, samples.batch(np.arange(90), epoch))
        losses.append(loss.item() / count)
        optimizer.zero_grad()
        (loss / count).backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


def test_what_was_pretrained_goes_under_a_new_head(pretrained: Path, columns: Columns) -> None:
    loaded = load_model(pretrained, HEAD)
    assert loaded.processor == columns
    weights, there = loaded.model.state_dict(), load_file(pretrained / "model.safetensors")
    backbone = [name for name in weights if name.startswith("tabular.")]
    assert all(torch.equal(weights[name], there[name]) for name in backbone)
    assert weights["classifier.weight"].shape == (3, 16)


def test_a_head_of_another_size_is_made_anew(columns: Columns, tmp_path: Path) -> None:
    new_model(columns, SMALL, HEAD).save_pretrained(tmp_path)
    write_columns(columns, tmp_path)
    assert output_layer(load_model(tmp_path).model).weight.shape == (3, 16)
    assert output_layer(load_model(tmp_path, HEAD | {"num_labels": 5}).model).weight.shape == (5, 16)


def test_a_model_without_its_head_does_not_answer(pretrained: Path) -> None:
    with pytest.raises(UserError, match=r"it lacks classifier\.bias; copy the whole folder again"):
        load_model(pretrained)


def test_a_model_that_lacks_weights_is_refused(pretrained: Path) -> None:
    weights = load_file(pretrained / "model.safetensors")
    del weights["tabular.layers.1.first.weight"]
    save_file(weights, pretrained / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"it lacks tabular\.layers\.1\.first\.weight"):
        load_model(pretrained, HEAD)


def test_columns_of_another_model_are_refused(pretrained: Path, columns: Columns) -> None:
    write_columns(columns.model_copy(update={"columns": columns.columns[1:]}), pretrained)
    with pytest.raises(UserError, match=r"its columns\.json is of another model"):
        load_model(pretrained, HEAD)


@pytest.mark.parametrize("text", [None, "", "{}", '{"columns": 3}'])
def test_a_folder_without_columns_is_refused(pretrained: Path, text: str | None) -> None:
    (pretrained / "columns.json").unlink()
    if text is not None:
        (pretrained / "columns.json").write_text(text)
    with pytest.raises(
        UserError, match=r"columns\.json, which says how it reads a row, is not there or cannot be read"
    ):
        load_model(pretrained, HEAD)


def test_a_folder_without_weights_is_refused(pretrained: Path) -> None:
    (pretrained / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"cannot be loaded .*; take another version, or train it again\.$"):
        load_model(pretrained, HEAD)


@pytest.mark.parametrize("network", ["mlp", "ft_transformer"])
def test_a_student_of_a_run_of_its_own_is_a_smaller_dense_network(columns: Columns, network: str) -> None:
    teacher = new_model(columns, TabularArchitecture.model_validate({"network": network, "layers": 6, "width": 64}))
    shape = smaller(teacher)
    assert shape == {"network": "mlp", "layers": 2, "width": 32, "dropout": 0.0}
    student = new_model(columns, TabularArchitecture.model_validate(shape))
    assert student.num_parameters() < teacher.num_parameters() / 2


def test_columns_are_written_as_json(columns: Columns, tmp_path: Path) -> None:
    write_columns(columns, tmp_path)
    assert json.loads((tmp_path / "columns.json").read_text())["columns"][0]["name"] == "width"
    assert read_columns(tmp_path) == columns
