"""Whether a base's tensors are those of its architecture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bases_on_disk import CONFIG, bert_tensors, write_base
from safetensors.torch import load_file, save_file, save_model
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
)

from stillhouse.components.models.architectures import DECODERS, ENCODERS, num_layers
from stillhouse.components.models.weights import account, load
from stillhouse.components.storage.model_files import model_files
from stillhouse.components.storage.safetensors_header import Tensor
from stillhouse.errors import UserError

BERT = {name: Tensor("F32", value.shape) for name, value in bert_tensors(CONFIG).items()}
LAYER = [name for name in BERT if ".1." in name]
SIZE: dict[str, Any] = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
    "num_key_value_heads": 2,
    "pad_token_id": 1,
}
MORE: dict[str, Any] = {"embedding_size": 16, "head_dim": 8}
FAMILIES = (
    "albert",
    "bert",
    "deberta-v2",
    "distilbert",
    "electra",
    "gpt2",
    "llama",
    "modernbert",
    "mpnet",
    "qwen3",
    "roberta",
)
"""Whose ways of naming and tying differ; the others take as long and are tried with the slow tests."""
REST = [pytest.param(kind, marks=pytest.mark.faults) for kind in sorted((ENCODERS | DECODERS) - {*FAMILIES})]
CLASSES = (
    *(AutoModel, AutoModelForMaskedLM, AutoModelForCausalLM, AutoModelForSequenceClassification),
    AutoModelForQuestionAnswering,
)


def small_config(kind: str) -> PreTrainedConfig:
    """Two layers of 16 values."""
    try:
        return AutoConfig.for_model(kind, **SIZE, **MORE)
    except (ValueError, AttributeError, NotImplementedError):
        return AutoConfig.for_model(kind, **SIZE)


@pytest.mark.parametrize("kind", [*FAMILIES, *REST])
def test_a_model_saved_by_any_class_of_an_architecture_has_all_of_its_tensors(kind: str, tmp_path: Path) -> None:
    config = small_config(kind)
    for auto in CLASSES:
        if type(config) not in (auto._model_mapping if auto is not AutoModel else {type(config): 1}):
            continue
        auto.from_config(config).save_pretrained(tmp_path)
        files = model_files(str(tmp_path))
        written, tensors = json.loads(files.read("config.json")), files.header("model.safetensors")
        found = account(written, tensors, "base")
        assert (found.left_over, found.used > 10) == ((), True), auto
        if kind in ("albert", "jina_embeddings_v3"):  # layers that share their weights; names that a version gave
            continue
        wrapped = account(written, {f"module.{name}": tensor for name, tensor in tensors.items()}, "base")
        assert (wrapped.used, wrapped.left_over) == (found.used, ()), auto
        with pytest.raises(UserError, match=r"are not in it"):
            account(written, {name: tensor for name, tensor in tensors.items() if ".1." not in name}, "base")
        assert num_layers(written) == 2


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "model.", "encoder_model.", "module._orig_mod.", "model.module.", "net.backbone."],
)
@pytest.mark.parametrize("own", ["", "bert."])
def test_what_stands_before_the_names_is_taken_off_and_said(prefix: str, own: str) -> None:
    found = account(CONFIG, {f"{prefix}{own}{name}": tensor for name, tensor in BERT.items()}, "base")
    assert (found.used, found.prefix, found.left_over) == (39, prefix, ())
    assert found.notes() == [f"Its tensors are named with '{prefix}' before them, which is taken off."]


def test_wrappers_within_names_are_taken_off() -> None:
    found = account(CONFIG, {name.replace("layer.", "layer._orig_mod."): one for name, one in BERT.items()}, "base")
    assert (found.used, found.prefix) == (39, "_orig_mod.")


def test_the_names_that_tensorflow_gave_are_known() -> None:
    old = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): one for name, one in BERT.items()
    }
    assert account(CONFIG, old, "base").used == 39
    assert account(CONFIG, {f"module.{name}": one for name, one in old.items()}, "base").used == 39


def test_a_pooler_that_is_not_there_begins_anew() -> None:
    found = account(CONFIG, {name: one for name, one in BERT.items() if "pooler" not in name}, "base")
    assert (found.used, found.new) == (37, ("bert.pooler.dense.bias", "bert.pooler.dense.weight"))


def test_a_head_that_nobody_knows_is_named_once() -> None:
    base = {**{f"bert.{name}": one for name, one in BERT.items()}, "mine.weight": Tensor("F32", (3,))}
    assert account(CONFIG, base, "base").notes() == ["Of its tensors 1 are not used (mine.weight)."]


@pytest.mark.parametrize(
    ("tensors", "config", "sentence"),
    [
        (
            {name: one for name, one in BERT.items() if name not in LAYER},
            {},
            r"16 of the 37 tensors of its architecture are not in it "
            r"\(bert\.encoder\.layer\.1\.[^,]+, [^,]+, [^,]+, …\); save the whole "
            r"model again, or correct config\.json if the model is smaller\.",
        ),
        (
            {name: one for name, one in BERT.items() if not name.endswith("value.bias")},
            {},
            r"2 of the 37 tensors of its architecture are not in it \(",
        ),
        (
            BERT,
            {"num_hidden_layers": 1},
            r"16 tensors within its backbone are not of its architecture \(encoder\.layer",
        ),
        (
            BERT,
            {"vocab_size": 30},
            r"word_embeddings\.weight has the shape \[20, 16\], and config\.json asks for \[30,",
        ),
        (BERT, {"max_position_embeddings": 9}, r"position_embeddings\.weight has the shape \[512, 16\], and config"),
        (BERT, {"intermediate_size": 16}, r"intermediate\.dense\.bias has the shape \[32\], and config\.json asks for"),
        ({"a.b": Tensor("F32", (1,))}, {}, r"none of the 37 tensors of a BertModel is in it \(it holds a\.b\);"),
        (
            {**{f"query.{name}": one for name, one in BERT.items()}, **{f"key.{n}": one for n, one in BERT.items()}},
            {},
            r"it holds the model twice, under 'key\.' and under 'query\.'; save the one that is meant",
        ),
        (
            {**BERT, "encoder.layer.0.attention.self.query.lora_A.weight": Tensor("F32", (2, 16))},
            {},
            r"1 tensors within its backbone are not of its architecture \(.*lora_A\.weight\)",
        ),
        (
            BERT,
            {"hidden_size": 15},
            r"its config\.json does not make a bert \(.*hidden size \(15\) is not a multiple of",
        ),
        (BERT, {"pad_token_id": 20}, r"its config\.json does not make a bert \(Padding_idx must be within num_embed"),
        (BERT, {"hidden_size": "16"}, r"its config\.json does not make a bert \(.*'hidden_size' expected int, got str"),
        (
            BERT,
            {"max_position_embeddings": 10**30},
            r"its config\.json does not make a bert \(.{,200}\); correct it\.$",
        ),
    ],
)
def test_a_base_that_is_not_whole_is_one_sentence(
    tensors: dict[str, Tensor], config: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=rf"^base 'place': .*{sentence}"):
        account({**CONFIG, **config}, tensors, "place")


@pytest.mark.parametrize("prefix", ["", "module.", "encoder_model."])
def test_a_loaded_model_has_the_weights_of_the_base_and_is_saved_without_the_prefix(
    tmp_path: Path, prefix: str
) -> None:
    tensors = bert_tensors(CONFIG, prefix)
    write_base(tmp_path / "base", tensors)
    model = load(AutoModelForSequenceClassification, str(tmp_path / "base"), dtype="float32", num_labels=3)
    held = {name: parameter.detach().numpy() for name, parameter in model.base_model.named_parameters()}
    assert held.keys() == bert_tensors(CONFIG).keys()
    assert all(np.array_equal(held[name], tensors[prefix + name]) for name in held)
    model.save_pretrained(tmp_path / "again")
    again = load_file(tmp_path / "again" / "model.safetensors")
    assert torch.equal(again["bert.pooler.dense.bias"], torch.from_numpy(tensors[f"{prefix}pooler.dense.bias"]))


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_kernel_that_another_machine_has_is_not_asked_for(tmp_path: Path, key: str) -> None:
    folder = write_base(tmp_path, config={key: "flash_attention_2"})
    assert account({**CONFIG, key: "flash_attention_2"}, BERT, "base").used == 39
    assert load(AutoModelForSequenceClassification, str(folder)).config._attn_implementation == "sdpa"


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_embeddings_saved_by_the_name_of_the_head_that_shares_them_are_taken(
    tmp_path: Path, kind: str, prefix: str
) -> None:
    config = small_config(kind)
    config.tie_word_embeddings = True
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(tmp_path)
    save_model(model, str(tmp_path / "model.safetensors"))  # of the names of a weight it keeps the first
    tensors = load_file(tmp_path / "model.safetensors")
    assert "lm_head.weight" in tensors
    save_file({f"{prefix}{name}": tensor for name, tensor in tensors.items()}, tmp_path / "model.safetensors")
    for auto in (AutoModelForCausalLM, AutoModelForSequenceClassification):
        loaded = load(auto, str(tmp_path))
        held, wanted = (one.get_input_embeddings().state_dict()["weight"] for one in (loaded, model))
        assert torch.equal(held, wanted)
    written = json.loads((tmp_path / "config.json").read_text())
    header = model_files(str(tmp_path)).header("model.safetensors")
    assert account(written, header, "base").left_over == ()
    with pytest.raises(UserError, match=r"1 of the \d+ tensors of its architecture are not in it"):
        account({**written, "tie_word_embeddings": False}, header, "base")


def test_a_base_thinned_out_since_inspect_is_not_loaded(tmp_path: Path) -> None:
    tensors = {name: one for name, one in bert_tensors(CONFIG).items() if ".1." not in name}
    with pytest.raises(UserError, match=r"16 of the 37 tensors of its architecture are not in it"):
        load(AutoModelForSequenceClassification, str(write_base(tmp_path, tensors)))
