"""A tokenizer is what its file says, for whoever reads the folder, before and after we have written it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_bases import BASES, BERT_NAMES, TEXTS, byte_level, cased, gpt2, nameless, padding_last, qwen2, wordpiece
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from stillhouse.components.models.tokenizer import (
    REBUILT_ALWAYS,
    count_different,
    read_tokenizer,
    texts_read_otherwise,
    write_tokenizer,
)
from stillhouse.errors import UserError

Ids = list[list[int]]
READ_OTHERWISE = {
    "BERT, cased": 3,
    "BERT without names": 3,
    "BERT with Replace": 3,
    "BERT with WhitespaceSplit": 5,
    "BERT without a post-processor": 8,
    "BERT, padding is not the first token": 3,
    "BERT with added tokens": 2,
    "BERT with an undeclared padding token": 3,
    "BERT that cuts and pads": 3,
    "DistilBERT, cased": 3,
    "GPT-2 with single digits": 1,
    "RoBERTa with a prefix space": 6,
    "Llama, byte-level": 0,
    "Qwen2": 6,
    "Qwen3": 6,
    "unigram with a map of characters": 2,
}
"""Of TEXTS, by AutoTokenizer of transformers 5.23."""


def ids_of(folder: Path) -> Ids:
    """What `tokenizers` alone reads in the folder's file, uncut and without padding."""
    alone = Tokenizer.from_file(str(folder / "tokenizer.json"))
    alone.no_truncation()
    alone.no_padding()
    return [alone.encode(text).ids for text in TEXTS]


def of_transformers(reader: Any, folder: Path) -> Any:
    """The tokenizer that a class of transformers makes of a folder."""
    return reader.from_pretrained(folder)


def write(folder: Path, base: Path) -> Path:
    """The base's tokenizer as we write it, beside its config.json."""
    folder.mkdir()
    shutil.copy(base / "config.json", folder)
    write_tokenizer(read_tokenizer(base), folder)
    return folder


def change(folder: Path, **config: Any) -> Path:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return folder


@pytest.mark.parametrize("kind", BASES)
def test_every_reader_gives_the_ids_of_the_file(kind: str, tmp_path: Path) -> None:
    base = BASES[kind](tmp_path / "base")
    expected, read = ids_of(base), read_tokenizer(base)
    assert [read.backend_tokenizer.encode(text).ids for text in TEXTS] == expected
    assert texts_read_otherwise(base, read, TEXTS) == READ_OTHERWISE[kind]

    written = write(tmp_path / "written", base)
    assert [Tokenizer.from_file(str(written / "tokenizer.json")).encode(text).ids for text in TEXTS] == expected
    for reader in (AutoTokenizer, PreTrainedTokenizerFast):
        theirs = of_transformers(reader, written)
        assert theirs(TEXTS)["input_ids"] == expected
        assert theirs.special_tokens_map == read.special_tokens_map
    again = read_tokenizer(written)
    assert [again.backend_tokenizer.encode(text).ids for text in TEXTS] == expected
    assert again.special_tokens_map == read.special_tokens_map
    assert len(again) == len(read)


def test_transformers_has_no_further_architecture_whose_class_it_takes_whatever_the_folder_says() -> None:
    from transformers.models.auto import tokenization_auto as auto
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS

    stubborn = auto.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS & CLASSIFIERS.keys()
    assert {kind for kind in stubborn if auto.TOKENIZER_MAPPING_NAMES[kind] != "TokenizersBackend"} == REBUILT_ALWAYS


def test_names_sides_and_lengths_come_from_the_folder(tmp_path: Path) -> None:
    base = change(cased(tmp_path / "base"), padding_side="left", model_max_length=48, pad_token="[MASK]")
    for folder in (base, write(tmp_path / "written", base)):
        read = read_tokenizer(folder)
        assert (read.padding_side, read.model_max_length, read.pad_token, read.pad_token_id) == (
            "left",
            48,
            "[MASK]",
            4,
        )
    assert of_transformers(AutoTokenizer, tmp_path / "written").padding_side == "left"


def test_an_endless_length_and_a_stored_cut_are_kept_and_taken_off(tmp_path: Path) -> None:
    written = write(tmp_path / "written", BASES["BERT that cuts and pads"](tmp_path / "base"))
    described = json.loads((written / "tokenizer.json").read_text())
    assert (described["truncation"], described["padding"]) == (None, None)
    assert read_tokenizer(written).model_max_length > 1e29


def test_names_recorded_as_objects_and_in_the_older_file_count(tmp_path: Path) -> None:
    base = nameless(tmp_path / "base")
    token = {"content": "[SEP]", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    (base / "special_tokens_map.json").write_text(json.dumps({"pad_token": token, "mask_token": "[MASK]"}))
    assert read_tokenizer(base).special_tokens_map == {**BERT_NAMES, "pad_token": "[SEP]"}


def test_a_name_that_the_vocabulary_does_not_have_is_nobodys(tmp_path: Path) -> None:
    read = read_tokenizer(change(gpt2(tmp_path / "base"), pad_token="<|pad|>", mask_token="<|mask|>"))
    assert read.mask_token is None
    assert (read.pad_token, read.pad_token_id) == ("<|endoftext|>", 0)
    assert len(read) == read.backend_tokenizer.get_vocab_size()


def test_the_padding_token_may_stand_in_config_json_alone(tmp_path: Path) -> None:
    base = change(padding_last(tmp_path / "base"), pad_token=None)
    assert (read_tokenizer(base).pad_token, read_tokenizer(base).pad_token_id) == ("[PAD]", 3)


def test_no_token_to_pad_with_is_one_sentence(tmp_path: Path) -> None:
    base = gpt2(tmp_path / "base")
    change(base, pad_token=None, eos_token=None, unk_token=None, tokenizer_class="PreTrainedTokenizerFast")
    (base / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(UserError, match="names neither a padding nor an end token; add `pad_token` to tokenizer_conf"):
        read_tokenizer(base)


@pytest.mark.parametrize(
    ("options", "text", "tokens"),
    [
        ({"do_lower_case": False}, "Apple é", ["[CLS]", "Apple", "é", "[SEP]"]),
        ({"do_lower_case": True}, "Apple é", ["[CLS]", "apple", "e", "[SEP]"]),
        ({"do_lower_case": True, "strip_accents": False}, "Apple é", ["[CLS]", "apple", "é", "[SEP]"]),
        ({"do_lower_case": False, "strip_accents": True}, "Apple é", ["[CLS]", "Apple", "e", "[SEP]"]),
        ({"tokenize_chinese_chars": True}, "一二", ["[CLS]", "一", "二", "[SEP]"]),
        ({"tokenize_chinese_chars": False}, "一二", ["[CLS]", "[UNK]", "[SEP]"]),
    ],
)
def test_a_vocabulary_alone_is_read_with_the_options_that_are_recorded(
    options: dict[str, Any], text: str, tokens: list[str], tmp_path: Path
) -> None:
    base = only_vocabulary(tmp_path / "base", **options)
    assert read_tokenizer(base).backend_tokenizer.encode(text).tokens == tokens
    written = write(tmp_path / "written", base)
    for reader in (AutoTokenizer, PreTrainedTokenizerFast):
        assert of_transformers(reader, written).tokenize(text, add_special_tokens=True) == tokens


def only_vocabulary(folder: Path, **options: Any) -> Path:
    """A BERT with vocab.txt and no tokenizer.json."""
    change(cased(folder), **options)
    (folder / "tokenizer.json").unlink()
    pieces = sorted((number, piece) for piece, number in wordpiece().get_vocab().items())
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for _, piece in pieces))
    return folder


@pytest.mark.parametrize(("space", "as_if"), [(False, "a"), (True, " a")])
def test_merges_and_a_vocabulary_are_read_with_their_prefix_space(space: bool, as_if: str, tmp_path: Path) -> None:
    base = change(gpt2(tmp_path / "base"), add_prefix_space=space, add_bos_token=True)
    learnt = byte_level(["<|endoftext|>"])
    model = json.loads(learnt.to_str())["model"]
    (base / "tokenizer.json").unlink()
    (base / "vocab.json").write_text(json.dumps(model["vocab"]))
    (base / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{' '.join(pair)}\n" for pair in model["merges"]))
    expected = ["<|endoftext|>", *learnt.encode(as_if).tokens]
    assert read_tokenizer(base).backend_tokenizer.encode("a").tokens == expected


@pytest.mark.parametrize("option", [{"do_basic_tokenize": False}, {"clean_text": False}, {"never_split": ["apple"]}])
def test_an_option_that_the_class_does_not_have_is_one_sentence(option: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=f"asks for {next(iter(option))} .*, which transformers' BertTokenizer does not"
    ):
        read_tokenizer(only_vocabulary(tmp_path / "base", **option))


@pytest.mark.parametrize("make", [cased, gpt2, qwen2])
def test_a_folder_without_a_vocabulary_is_one_sentence(make: Any, tmp_path: Path) -> None:
    base = make(tmp_path / "base")
    (base / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer"):
        read_tokenizer(base)


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    base = cased(tmp_path / "base")
    (base / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(UserError, match=r"tokenizer\.json cannot be read \(.*\); save the folder anew"):
        read_tokenizer(base)


def test_texts_are_counted_across_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.models.tokenizer.COMPARED_TEXTS", 2)
    other = wordpiece()
    other.enable_truncation(3)
    assert count_different(wordpiece(), other, ["a", "a e", "a", "a e", "a e a"]) == 3
    assert count_different(wordpiece(), wordpiece(), ["a", "a e"]) == 0
