"""Adapters become one model with their base: W + scale B A, by value."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bases_on_disk import CONFIG, TOKENIZER, bert_tensors, write_base
from safetensors.numpy import load_file, save_file

from stillhouse.components.artifacts.adapters import join_address, split_address
from stillhouse.components.artifacts.base_facts import look
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.errors import UserError

QUERY, DENSE = "encoder.layer.0.attention.self.query", "encoder.layer.1.output.dense"
DRAWS = np.random.default_rng(1)
A, B = DRAWS.normal(size=(2, 16)).astype(np.float32), DRAWS.normal(size=(16, 2)).astype(np.float32)
WIDE = DRAWS.normal(size=(2, 32)).astype(np.float32)
BASE = bert_tensors(CONFIG)


def pair(path: str, down: np.ndarray = A, up: np.ndarray = B) -> dict[str, np.ndarray]:
    """A and B as peft names them."""
    return {f"base_model.model.{path}.lora_A.weight": down, f"base_model.model.{path}.lora_B.weight": up}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))


def write_adapters(folder: Path, tensors: dict[str, np.ndarray], **config: Any) -> Path:
    """A folder of adapters on the base beside it."""
    settings = {"peft_type": "LORA", "base_model_name_or_path": "some/bert", "r": 2, "lora_alpha": 6, **config}
    write_base(folder, {}, files={"config.json": None, "tokenizer.json": None, "tokenizer_config.json": None})
    write_base(folder, {}, files={"config.json": None, "tokenizer.json": None, "adapter_config.json": settings})
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def merged(tmp_path: Path, tensors: dict[str, np.ndarray], own: str = "", **config: Any) -> dict[str, np.ndarray]:
    """What a base has become with these adapters, under the backbone's own names."""
    write_base(tmp_path / "bert", {f"{own}{name}": value for name, value in BASE.items()})
    folder = fetch_model(str(write_adapters(tmp_path / "lora", tensors, **config)))
    return {name.removeprefix(own): value for name, value in load_file(folder / "model.safetensors").items()}


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, 3.0),
        ({"use_rslora": True}, 6 / np.sqrt(2)),
        ({"alpha_pattern": {"query": 10}}, 5.0),
        ({"alpha_pattern": {"encoder.layer.1.attention.self.query": 10}}, 3.0),
        ({"alpha_pattern": {r"layer\.\d+\.attention\.self\.query": 10}}, 5.0),
        ({"rank_pattern": {"query": 2}, "r": 64}, 3.0),
    ],
)
@pytest.mark.parametrize(
    ("own", "named"), [("", ""), ("", "bert."), ("bert.", ""), ("bert.", "bert."), ("_orig_mod.module.", "bert.")]
)
def test_the_product_is_added_with_its_scale(
    tmp_path: Path, config: dict[str, Any], scale: float, own: str, named: str
) -> None:
    found = merged(tmp_path, pair(f"{named}{QUERY}"), own, **config)
    wanted = BASE[f"{QUERY}.weight"] + scale * (B @ A)
    assert np.allclose(found.pop(f"{QUERY}.weight"), wanted, atol=1e-6)
    assert all(np.array_equal(found[name], BASE[name]) for name in found)
    assert len(found) == 38


def test_a_weight_that_lies_as_in_and_out_gets_the_product_turned(tmp_path: Path) -> None:
    turned = pair(DENSE, B.T.copy(), WIDE.T.copy())
    found = merged(tmp_path, turned, fan_in_fan_out=True)
    assert np.allclose(found[f"{DENSE}.weight"], BASE[f"{DENSE}.weight"] + 3.0 * (WIDE.T @ B.T).T, atol=1e-6)


def test_embeddings_are_changed_too(tmp_path: Path) -> None:
    name = "base_model.model.embeddings.word_embeddings.lora_embedding"
    down, up = DRAWS.normal(size=(2, 20)).astype(np.float32), B
    found = merged(tmp_path, {f"{name}_A": down, f"{name}_B": up})
    wanted = BASE["embeddings.word_embeddings.weight"] + 3.0 * (up @ down).T
    assert np.allclose(found["embeddings.word_embeddings.weight"], wanted, atol=1e-6)


def test_what_was_trained_whole_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    bias = np.full(16, 7, np.float32)
    head = {"base_model.model.classifier.weight": np.zeros((3, 16), np.float32)}
    found = merged(tmp_path, {**pair(QUERY), f"base_model.model.{QUERY}.bias": bias, **head}, bias="lora_only")
    assert np.array_equal(found[f"{QUERY}.bias"], bias)
    assert not any("classifier" in name for name in found)


def test_the_tokenizer_is_that_of_the_adapters_if_they_have_one(tmp_path: Path) -> None:
    write_base(tmp_path / "bert")
    adapters = write_adapters(tmp_path / "lora", pair(QUERY))
    write_base(adapters, {}, files={"config.json": None, "tokenizer.json": {**TOKENIZER, "version": "1.0 "}})
    assert '"1.0 "' in (fetch_model(str(adapters)) / "tokenizer.json").read_text()


def test_they_are_merged_once(tmp_path: Path) -> None:
    write_base(tmp_path / "bert")
    address = join_address(str(write_adapters(tmp_path / "lora", pair(QUERY))), str(tmp_path / "bert"))
    first = fetch_model(address)
    made = (first / "model.safetensors").stat().st_ino
    assert fetch_model(address) == first == fetch_model(str(tmp_path / "lora"))
    assert (first / "model.safetensors").stat().st_ino == made


@pytest.mark.parametrize(
    ("tensors", "config", "sentence"),
    [
        (pair(QUERY), {"use_dora": True}, "DoRA's adapters are not merged here; merge them by python -c"),
        ({**pair(QUERY), "a.lora_magnitude_vector": A}, {}, "DoRA's adapters are not merged here; merge them"),
        (pair(QUERY), {"peft_type": "IA3"}, "adapters of the kind IA3 are not merged here; merge them"),
        (pair(QUERY), {"init_lora_weights": "pissa"}, "adapters that began as pissa change the base itself and are"),
        (pair(QUERY), {"lora_bias": True}, "adapters with lora_bias are not merged here; merge them"),
        (pair(QUERY), {"use_qalora": True}, "adapters with use_qalora are not merged here; merge them"),
        (pair("encoder.layer.5.output.dense"), {}, "1 of its adapters do not fit '"),
        (pair(QUERY, WIDE), {}, "1 of its adapters do not fit '"),
        ({f"base_model.model.{QUERY}.lora_A.weight": A}, {}, "1 of its adapters do not fit '"),
    ],
)
def test_adapters_that_cannot_be_merged_are_one_sentence(
    tmp_path: Path, tensors: dict[str, np.ndarray], config: dict[str, Any], sentence: str
) -> None:
    write_base(tmp_path / "bert")
    adapters = write_adapters(tmp_path / "lora", tensors, **config)
    with pytest.raises(UserError) as refused:
        fetch_model(str(adapters))
    assert str(refused.value).startswith(f"base '{adapters}': {sentence}")


def test_without_their_base_they_name_it_and_the_line_that_merges_them(tmp_path: Path) -> None:
    adapters = write_adapters(tmp_path / "lora", pair(QUERY), task_type="SEQ_CLS")
    with pytest.raises(UserError) as refused:
        fetch_model(str(adapters))
    cls = "AutoPeftModelForSequenceClassification"
    assert str(refused.value) == (
        f"base '{adapters}': it holds adapters, and the base they were trained on ('some/bert') is not beside them; "
        f'write `base: {adapters}, on hf://some/bert`, or merge them by python -c "from peft import {cls}; '
        f"{cls}.from_pretrained('{adapters}').merge_and_unload().save_pretrained('{adapters}-merged')\"."
    )


def test_a_whole_model_in_the_place_of_the_adapters_is_one_sentence(tmp_path: Path) -> None:
    base = write_base(tmp_path / "bert")
    with pytest.raises(
        UserError, match=rf"^base '{base}': it has no adapter_config\.json, and so holds no adapters; w"
    ):
        look(join_address(str(base), str(base)))


def test_adapters_as_a_pickle_are_one_sentence(tmp_path: Path) -> None:
    adapters = write_adapters(tmp_path / "lora", pair(QUERY))
    (adapters / "adapter_model.safetensors").rename(adapters / "adapter_model.bin")
    with pytest.raises(UserError, match=r"its weights are in adapter_model\.bin, a pickle, which is never opened; m"):
        fetch_model(str(adapters))


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("lora, on bert", ("lora", "bert")),
        ("s3://a/lora , on  hf://x/y@v1", ("s3://a/lora", "hf://x/y@v1")),
        ("bert", None),
        ("a, on", None),
    ],
)
def test_an_address_of_both_is_taken_apart(address: str, parts: tuple[str, str] | None) -> None:
    assert split_address(address) == parts
