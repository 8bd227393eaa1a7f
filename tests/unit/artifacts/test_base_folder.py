"""What of a base's layout, configuration and headers is taken, and the sentence for what is not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bases_on_disk import CONFIG, TOKENIZER, bert_tensors, write_base
from safetensors.numpy import save_file

from stillhouse.components.artifacts.base_folder import check_objective, look_at
from stillhouse.components.artifacts.chosen_base import Use
from stillhouse.components.models.architectures import num_positions
from stillhouse.components.storage.model_files import model_files
from stillhouse.errors import UserError

INDEX = "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 400000\n"
NO_NAMES = {**TOKENIZER, "added_tokens": [], "model": {**TOKENIZER["model"], "vocab": {"[UNK]": 0, "a": 1}}}


def refusal(folder: Path) -> str:
    """The sentence with which the base in `folder` is refused."""
    with pytest.raises(UserError) as refused:
        look_at(model_files(str(folder)))
    sentence = str(refused.value)
    assert sentence.startswith(f"base '{folder}': ")
    assert sentence.endswith(".")
    return sentence.removeprefix(f"base '{folder}': ")


def test_a_whole_base_says_its_class_its_tensors_and_their_shapes(tmp_path: Path) -> None:
    found = look_at(model_files(str(write_base(tmp_path))))
    assert found.architecture == "BertModel (bert)"
    assert len(found.tensors) == 39
    assert found.tensors["embeddings.word_embeddings.weight"] == ("F32", (20, 16))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"pytorch_model.bin": b"x"}, "its weights are in pytorch_model.bin, a pickle, which is never opened; convert"),
        ({"pytorch_model-00001-of-00002.bin": b"x"}, "its weights are in pytorch_model-00001-of-00002.bin, a pickle,"),
        ({"model.ckpt": b"x"}, "its weights are in model.ckpt, a pickle,"),
        ({"tf_model.h5": b"x"}, "its weights are those of TensorFlow (tf_model.h5); with transformers 4, convert them"),
        ({"flax_model.msgpack": b"x"}, "its weights are those of Flax (flax_model.msgpack); with transformers 4,"),
        ({"model.Q4.gguf": b"x"}, "its weights are in model.Q4.gguf, which is not read; convert it by python -c"),
        ({"model.onnx": b"x"}, "it holds model.onnx, which cannot be trained on; take the model it was made from."),
        ({"model.fp16.safetensors": b"x"}, "it holds model.fp16.safetensors and not model.safetensors; save it again,"),
        ({SHARDS[0]: b"x"}, f"it holds {SHARDS[0]} and not model.safetensors; save it again, or name the file so."),
        ({}, "it has no model.safetensors; save it with save_pretrained(folder)."),
        ({"model.safetensors": LFS}, "model.safetensors is a pointer of git-lfs and not the weights; run `git lfs"),
        ({"model.safetensors": b"abc"}, "model.safetensors cannot be read: it has 3 bytes; save or copy it again."),
        ({"model.safetensors": b"x" * 4000}, "model.safetensors cannot be read: it is not a safetensors file, or is"),
        ({INDEX: {"weight_map": {"a": "../b.safetensors"}}}, f"{INDEX} names '../b.safetensors', not a safetensors"),
        ({INDEX: {"weight_map": {"a": SHARDS[0]}}}, f"of the 1 files that {INDEX} names, 1 are not there (first"),
        ({INDEX: {}}, f"{INDEX} has no weight_map; save the model again."),
    ],
)
def test_weights_that_are_not_safetensors_are_one_sentence(
    tmp_path: Path, files: dict[str, Any], sentence: str
) -> None:
    assert refusal(write_base(tmp_path, tensors={}, files=files)).startswith(sentence)


def test_the_line_that_converts_a_pickle_is_python_with_the_bases_own_class(tmp_path: Path) -> None:
    config = {"architectures": ["BertForMaskedLM"]}
    folder = write_base(tmp_path, tensors={}, files={"pytorch_model.bin": b"x"}, config=config)
    line = f"from transformers import BertForMaskedLM; BertForMaskedLM.from_pretrained('{folder}')"
    assert refusal(folder).endswith(f"by python -c \"{line}.save_pretrained('{folder}')\".")


def test_a_file_cut_off_is_one_sentence(tmp_path: Path) -> None:
    path = write_base(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(tmp_path) == "model.safetensors cannot be read: it is cut off; save or copy it again."


def test_shards_count_together_and_each_must_be_there(tmp_path: Path) -> None:
    tensors = bert_tensors(CONFIG)
    names = sorted(tensors)
    weight_map = {name: SHARDS[number % 2] for number, name in enumerate(names)}
    write_base(tmp_path, tensors={}, files={INDEX: {"weight_map": weight_map}})
    for shard in SHARDS:
        save_file({name: tensors[name] for name in names if weight_map[name] == shard}, tmp_path / shard)
    assert set(look_at(model_files(str(tmp_path))).tensors) == set(tensors)

    save_file({"other": tensors[names[0]]}, tmp_path / SHARDS[0])
    assert refusal(tmp_path) == f"{INDEX} names 20 tensors that no file holds (first {names[0]}); save it again."
    (tmp_path / SHARDS[0]).unlink()
    assert "of the 2 files" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "its weights are quantised (bitsandbytes) and"),
        ({"quantization_config": {"load_in_4bit": True}}, "its weights are quantised and cannot be trained on; take"),
        ({"compression_config": {"quant_method": "compressed-tensors"}}, "its weights are quantised (compressed-"),
        ({"auto_map": {"AutoModel": "code.Model"}}, "config.json asks for code of its own (auto_map), which is never"),
        ({"model_type": "t5"}, "t5 is an encoder and a decoder in one; take a base of one of bert, roberta,"),
        ({"model_type": "xlnet"}, "xlnet is an architecture that is not supported; take a base of one of bert,"),
        ({"model_type": None}, "its config.json has no model_type; save the model again with save_pretrained of"),
        ({"is_decoder": True}, "config.json says is_decoder, with which its first token sees no other;"),
        ({"transformers_weights": "other.bin"}, "config.json names another file for its weights (transformers_weights"),
    ],
)
def test_a_configuration_that_is_not_taken_is_one_sentence(
    tmp_path: Path, config: dict[str, Any], sentence: str
) -> None:
    assert refusal(write_base(tmp_path, config=config)).startswith(sentence)


@pytest.mark.parametrize(("dtype", "named"), [(np.int8, "I8"), (np.uint8, "U8")])
def test_weights_of_whole_numbers_are_quantised(tmp_path: Path, dtype: type, named: str) -> None:
    tensors = bert_tensors(CONFIG)
    name = "encoder.layer.0.output.dense.weight"
    folder = write_base(tmp_path, {**tensors, name: tensors[name].astype(dtype)})
    assert refusal(folder).startswith(f"its weights are quantised ({name} is {named})")


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_floating_numbers_are_taken(tmp_path: Path, dtype: type) -> None:
    folder = write_base(tmp_path, {name: value.astype(dtype) for name, value in bert_tensors(CONFIG).items()})
    assert len(look_at(model_files(str(folder))).tensors) == 39


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"tokenizer.json": None}, "it has no tokenizer (tokenizer.json, vocab.txt, vocab.json with merges.txt, or a"),
        ({"tokenizer.json": b"{"}, "tokenizer.json cannot be read ("),
        ({"tokenizer.json": {}}, "its tokenizer files are not what transformers writes (KeyError('model')); save"),
        ({"tokenizer.json": NO_NAMES, "tokenizer_config.json": {}}, "its tokenizer has neither a padding, an end"),
        ({"tokenizer.json": None, "vocab.json": {"a": 1}}, "it has no tokenizer"),
    ],
)
def test_a_tokenizer_that_is_not_there_is_one_sentence(tmp_path: Path, files: dict[str, Any], sentence: str) -> None:
    assert refusal(write_base(tmp_path, config={"pad_token_id": None}, files=files)).startswith(sentence)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"tokenizer.json": None, "vocab.txt": "\n".join(["[PAD]", *map(str, range(13))]).encode()},
        {"tokenizer.json": None, "vocab.json": {"<pad>": 0, "a": 13}, "merges.txt": b""},
        {"tokenizer.json": None, "vocab.txt": b"[PAD]\na", "added_tokens.json": {"new": 13}},
        {"tokenizer.json": {"model": {"vocab": [["<pad>", 0.0], *([str(n), 0.0] for n in range(13))]}}},
    ],
    ids=["tokenizer.json", "vocab.txt", "vocab.json", "added_tokens.json", "unigram"],
)
def test_a_tokenizer_longer_than_the_embeddings_is_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    look_at(model_files(str(write_base(tmp_path, config={"vocab_size": 14}, files=files))))
    write_base(tmp_path, config={"vocab_size": 13}, files=files)
    assert refusal(tmp_path).startswith("its tokenizer gives ids up to 13 (")


def test_a_sentencepiece_file_alone_is_a_tokenizer(tmp_path: Path) -> None:
    write_base(tmp_path, files={"tokenizer.json": None, "spiece.model": b"pieces"})
    assert look_at(model_files(str(tmp_path))).kind == "bert"


@pytest.mark.parametrize(
    ("inside", "types"),
    [
        ("0_Transformer", "models.Transformer"),
        ("", "base.modules.transformer.Transformer"),
        ("0_BERT", "models.BERT"),
        ("0_DistilBERT", "models.DistilBERT"),
    ],
)
def test_a_folder_of_sentence_transformers_is_its_transformer(tmp_path: Path, inside: str, types: str) -> None:
    modules = [
        {"idx": 0, "name": "0", "path": inside, "type": f"sentence_transformers.{types}"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    ]
    write_base(tmp_path, {}, files={"modules.json": modules})
    write_base(tmp_path / inside)
    write_base(tmp_path / "2_Dense", {"linear.weight": np.zeros((3, 3), np.float32)})
    found = look_at(model_files(str(tmp_path)))
    assert found.inside == (f"{inside}/" if inside else "")
    assert len(found.tensors) == 39
    assert found.notes == ("Of its parts the Transformer is used; Pooling, Dense: a new head stands in their place.",)


def test_sentence_transformers_without_one_transformer_are_refused(tmp_path: Path) -> None:
    modules = [{"idx": 0, "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    sentence = "modules.json names StaticEmbedding, not one Transformer; take a base that is one transformer."
    assert refusal(write_base(tmp_path, files={"modules.json": modules})) == sentence


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "modules.json names '0_Transformer/', which is not there; copy it too, or save the model again."),
        (
            {"0_Transformer/adapter_config.json": {}},
            "its Transformer is adapters; name the folder itself, '{folder}/0_Transformer/'.",
        ),
        (
            {"0_Transformer/config.json": CONFIG, "0_Transformer/pytorch_model.bin": b"x"},
            "its weights are in pytorch_model.bin, a pickle, which is never opened; convert them by python -c "
            "\"from transformers import BertModel; BertModel.from_pretrained('{folder}/0_Transformer')"
            ".save_pretrained('{folder}/0_Transformer')\".",
        ),
    ],
)
def test_what_is_wrong_with_the_transformer_within_is_said_of_it(
    tmp_path: Path, files: dict[str, Any], sentence: str
) -> None:
    modules = [{"idx": 0, "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]
    none = {"config.json": None, "tokenizer.json": None, "tokenizer_config.json": None}
    write_base(tmp_path, {}, files={**none, "modules.json": modules, **files})
    assert refusal(tmp_path) == sentence.format(folder=tmp_path)


def test_a_folder_of_gguf_alone_is_one_sentence(tmp_path: Path) -> None:
    folder = write_base(tmp_path, {}, files={"config.json": None, "tokenizer.json": None, "m.gguf": b"GGUF"})
    assert refusal(folder).startswith('m.gguf is GGUF, which is not read; convert it by python -c "from transformers')


def test_a_folder_without_config_says_what_it_holds(tmp_path: Path) -> None:
    folder = write_base(tmp_path, files={"config.json": None})
    held = "model.safetensors, tokenizer.json, tokenizer_config.json"
    assert refusal(folder).startswith(f"it has no config.json (it holds {held}); name the folder that save_pretrained")


@pytest.mark.parametrize(
    ("kind", "objective", "other"), [("bert", "next_word", "masked_lm"), ("gpt2", "masked_lm", "next_word")]
)
def test_pretraining_asks_for_a_base_that_reads_in_its_direction(
    tmp_path: Path, kind: str, objective: str, other: str
) -> None:
    found = look_at(model_files(str(write_base(tmp_path, config={"model_type": kind}))))
    check_objective(found, other)
    with pytest.raises(UserError, match=f"it is a {kind}, which pretraining by {objective} is not for; set pretrain"):
        check_objective(found, objective)


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": [1]}, 512),
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "bloom"}, None),
    ],
)
def test_positions_behind_the_padding_tokens_are_not_a_texts(config: dict[str, Any], positions: int | None) -> None:
    assert num_positions(config) == positions


def test_a_base_for_pictures_needs_no_tokenizer_but_says_how_it_sees(tmp_path: Path) -> None:
    save_file({"vit.embeddings.cls_token": np.zeros((1, 1, 8), np.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    assert refusal(tmp_path).startswith("it has no preprocessor_config.json, which says how its pictures were resized")
    (tmp_path / "preprocessor_config.json").write_text("{}")
    found = look_at(model_files(str(tmp_path)))
    assert (found.reads, found.kind) == ("image", "vit")
    with pytest.raises(UserError, match="a vit, which is given image, and finetune has text; take a base for text"):
        Use(step="finetune", max_length=8).check("x", found)
    Use(step="finetune", max_length=8, reads="image").check("x", found)
