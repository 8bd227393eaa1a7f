"""A base learns and answers by the tokens of its own tokenizer, in training, in predict and as a registered model."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_bases import BASES, BERT_NAMES, TEXTS, MakeBase, cased, gpt2, wordpiece, write_base
from tokenizers import normalizers, pre_tokenizers

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json, write_model
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.tracking.pyfunc_model import TextModel
from stillhouse.components.tracking.registry import KEPT_CODE
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
LETTERS = "abcdefghijklmnop"
INFO = {
    "task": "text_classification",
    "target": "classes",
    "labels": ["x", "y"],
    "columns": {},
    "max_length": 16,
    "settings": {},
}
task = TextClassification(Spec.of_model(INFO))
VIEW = View(16, seed=1)
NONE = Examples.of(text=[])


def base_of(folder: Path, first: tuple[str, ...], **parts: Any) -> Path:
    """A BERT whose vocabulary is letters and the words that tell the classes."""
    tokenizer = wordpiece(first, first=())
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    names = {"tokenizer_class": "BertTokenizer", **BERT_NAMES}
    return write_base(folder, tokenizer, "bert", names, hidden_size=32, intermediate_size=64)


TOLD_APART: dict[str, tuple[tuple[str, str], MakeBase]] = {
    "cased": (("Apple", "apple"), lambda folder: base_of(folder, ("Apple", "apple"))),
    "own normalizer": (
        ("12", "34"),
        lambda folder: base_of(
            folder,
            ("alpha", "beta"),
            normalizer=normalizers.Sequence([normalizers.Replace("12", "alpha"), normalizers.Replace("34", "beta")]),
        ),
    ),
    "own split": (
        ("co-op", "op-co"),
        lambda folder: base_of(folder, ("co-op", "op-co"), pre_tokenizer=pre_tokenizers.WhitespaceSplit()),
    ),
}


def write_dataset(folder: Path, words: Sequence[str]) -> Path:
    """1,200 rows of eight letters, among which one of two words tells the class."""
    folder.mkdir()
    draw = random.Random(1)
    for split, rows in (("train", 900), ("validation", 150), ("test", 150)):
        texts, labels = [], [index % 2 for index in range(rows)]
        for label in labels:
            place = draw.randint(0, 8)
            letters = draw.choices(LETTERS, k=8)
            texts.append(" ".join([*letters[:place], words[label], *letters[place:]]))
        hashes = [hashlib.sha256(f"{split} {i}".encode()).hexdigest()[:32] for i in range(rows)]
        pq.write_table(pa.table({"hash": hashes, "text": texts, "label": labels}), folder / f"{split}.parquet")
    about = {"format": 1, "task": "text_classification", "target": "classes", "labels": ["x", "y"], "augment": 0.0}
    about |= {"columns": {"text": ["text"], "label": "label"}, "content_digest": " ".join(words)}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


@pytest.mark.parametrize("kind", TOLD_APART)
def test_a_teacher_tells_apart_what_its_tokenizer_tells_apart(kind: str, workshop: Workshop, tmp_path: Path) -> None:
    words, make = TOLD_APART[kind]
    dataset, base = write_dataset(tmp_path / "dataset", words), make(tmp_path / "base")
    (tmp_path / "none").mkdir()
    learning = {
        "base": str(base),
        "loop": {"epochs": 3, "max_length": 16, "batch_tokens": 512},
        "optimizer": {"learning_rate": 0.01},
    }
    teacher = workshop.run("finetune", learning, dataset=dataset, backbone=tmp_path / "none")
    assert teacher.figures["validation_f1_macro"] >= 0.95
    note = (
        "The tokenizer.json of the base counts; transformers' AutoTokenizer would give other ids to 900 of 900 texts."
    )
    if kind == "cased":
        note = note.replace("900 of", "450 of")
    assert teacher.info["notes"] == {"tokenizer": note}
    spool = (workshop.folder / f"home/run-{teacher.model.name}/spool/finetune.jsonl").read_text().splitlines()
    tags = [event["values"] for event in map(json.loads, spool) if event["event"] == "tag"]
    assert tags == [{"note.tokenizer": note}]


def classifier(base: Path, folder: Path) -> Path:
    """A classifier on the base, as a step writes it."""
    loaded = task.build(str(base), None, NONE)
    write_model(loaded, folder, task.save, info=INFO, parents=[])
    return folder


@pytest.mark.parametrize("kind", BASES)
def test_the_registered_model_answers_as_predict_does(kind: str, tmp_path: Path) -> None:
    folder = classifier(BASES[kind](tmp_path / "base"), tmp_path / "model")
    expected = task.answer(task.load(folder), Examples.of(text=TEXTS))
    registered = TextModel()
    kept = {name: str(path) for name, path in KEPT_CODE.items()}
    registered.load_context(SimpleNamespace(artifacts={"model": str(folder), **kept}))
    answers = registered.predict(None, pd.DataFrame({"text": TEXTS}))
    assert answers[["probability_x", "probability_y"]].to_numpy() == pytest.approx(expected, abs=1e-5)
    assert read_model_json(folder)["tokenizer"] == "tokenizer.json"


def test_positions_are_counted_as_the_base_counted_them_whatever_it_is_padded_with(tmp_path: Path) -> None:
    base = BASES["RoBERTa with a prefix space"](tmp_path / "base")
    config = base / "tokenizer_config.json"
    config.write_text(config.read_text().replace('"pad_token": "<pad>"', '"pad_token": "<unk>"'))
    in_memory = replace(task.build(str(base), None, NONE), info=INFO)
    in_memory.model.eval()
    expected = task.answer(in_memory, Examples.of(text=TEXTS))
    write_model(in_memory, tmp_path / "model", task.save, info=INFO, parents=[])
    again = task.answer(task.load(tmp_path / "model"), Examples.of(text=TEXTS))
    assert again == pytest.approx(expected, abs=1e-6)


def test_a_base_of_which_nothing_is_read_otherwise_is_not_spoken_of(tmp_path: Path) -> None:
    base = cased(tmp_path / "base")
    assert task.build(str(base), None, Examples.of(text=["apple", "the"])).notes == {}
    assert task.build(str(base), None, Examples.of(text=["apple", "Apple"])).notes == {
        "tokenizer": "The tokenizer.json of the base counts; transformers' AutoTokenizer would give other ids to 1 of "
        "2 texts."
    }
    ours = classifier(base, tmp_path / "ours")
    assert task.build(str(ours), None, Examples.of(text=["apple", "Apple"])).notes == {}


def masked(loaded: LoadedModel, texts: list[str]) -> TextSamples:
    return task.pretraining_samples(loaded, Examples.of(text=texts), "masked_lm", VIEW, mask_probability=0.5)


def test_masks_on_a_base_without_a_mask_token_are_one_sentence(tmp_path: Path) -> None:
    base = cased(tmp_path / "base")
    config = json.loads((base / "tokenizer_config.json").read_text())
    (base / "tokenizer_config.json").write_text(json.dumps(config | {"mask_token": None}))
    loaded = task.backbone(str(base), None, Examples.of(text=TEXTS), "masked_lm")
    with pytest.raises(UserError, match="the base's tokenizer names no mask token; add `mask_token` to its"):
        masked(loaded, TEXTS)


def test_a_token_that_the_weights_do_not_know_is_one_sentence(tmp_path: Path) -> None:
    base = cased(tmp_path / "base")
    longer = wordpiece()
    longer.add_tokens(["later"])
    longer.save(str(base / "tokenizer.json"))
    loaded = task.backbone(str(base), None, Examples.of(text=TEXTS), "masked_lm")
    assert len(masked(loaded, ["apple"]).lengths) == 1
    with pytest.raises(UserError, match="has the token 'later' as number 80, and its weights know 80 tokens"):
        masked(loaded, ["apple later"])


def test_a_text_without_a_token_is_one_of_padding(tmp_path: Path) -> None:
    loaded = task.build(str(gpt2(tmp_path / "base")), None, NONE)
    samples = task.samples(loaded, Examples.of(text=["", "a"], label=[0, 1]), View(16))
    assert (samples.tokens[0], samples.lengths.tolist()) == (0, [1, 1])
