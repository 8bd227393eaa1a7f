"""A tiny dataset, tiny models from random weights, and the step run on them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.artifacts.examples import short_hashes

LABELS = ["ham", "spam"]
SIGNS = {"ham": "meeting agenda notes", "spam": "cheap pills offer"}
FILLERS = ["we", "you", "they", "send", "read", "the", "a", "now", "later", "again", "soon", "please"]
TRAIN_ROWS, TEST_ROWS = 60, 40


def _rows(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts that a bag of words can tell apart, and their classes, taking turns."""
    generator = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    texts = []
    for index, kind in enumerate(classes):
        words = [*generator.choice(SIGNS[LABELS[kind]].split(), 2), *generator.choice(FILLERS, 6)]
        texts.append(f"{' '.join(generator.permutation(words))} {seed}x{index}")
    return texts, classes


def _hashes(texts: list[str]) -> list[str]:
    return [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]


def _targets(target: str, classes: np.ndarray) -> list[Any]:
    if target == "number":
        return [float(kind) * 3 + 1 for kind in classes]
    if target == "multi_label":
        return [[float(kind == 0), float(kind == 1)] for kind in classes]
    return classes.tolist()


@dataclass
class Workplace:
    """A dataset and two models in one folder."""

    folder: Path
    target: str = "classes"

    @property
    def labels(self) -> list[str]:
        return [] if self.target == "number" else LABELS

    def write_dataset(self) -> None:
        dataset = self.folder / "dataset"
        dataset.mkdir()
        for seed, (name, count) in enumerate([("train", TRAIN_ROWS), ("validation", 10), ("test", TEST_ROWS)]):
            texts, classes = _rows(count, seed)
            columns = {
                "hash": _hashes(texts),
                "text": texts,
                "label": _targets(self.target, classes),
                "slice_list": ["yes" if i % 4 == 0 else "no" for i in range(count)],
            }
            pq.write_table(pa.table(columns), dataset / f"{name}.parquet")
        document = {
            "format": 1,
            "task": "text_classification",
            "target": self.target,
            "labels": self.labels,
            "source": "somewhere/mails.csv",
            "columns": {"text": ["text"], "label": "label"},
            "content_digest": "c" * 64,
        }
        (dataset / "dataset.json").write_text(json.dumps(document))

    def write_model(self, name: str, *, width: int = 16, labels: list[str] | None = None, saw: int = 0) -> Path:
        """A BERT of one layer from random weights that says it was trained on the first `saw` test rows."""
        import torch
        from safetensors.numpy import save_file
        from transformers import BertConfig, BertForSequenceClassification

        from stillhouse.components.modalities.text.tokenizer import train_tokenizer

        torch.manual_seed(width)
        folder = self.folder / name
        labels = self.labels if labels is None else labels
        tokenizer = train_tokenizer([*SIGNS.values(), " ".join(FILLERS)], vocab_size=300, max_length=32)
        kinds = {"classes": "single_label_classification", "number": "regression"}
        head: dict[str, Any] = {
            "num_labels": max(len(labels), 1),
            "problem_type": kinds.get(self.target, "multi_label_classification"),
        }
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=2 * width,
            max_position_embeddings=32,
            **head,
        )
        model = BertForSequenceClassification(config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        info = {
            "task": "text_classification",
            "target": self.target,
            "labels": labels,
            "max_length": 32,
            "parameters": sum(weights.numel() for weights in model.parameters()),
            "notes": {"tokenizer": "The tokenizer of the base counts."},
        }
        (folder / "model.json").write_text(json.dumps(info))
        seen = short_hashes(_hashes(_rows(TEST_ROWS, 2)[0][:saw] + _rows(TRAIN_ROWS, 0)[0]))
        save_file({"hashes": np.sort(seen)}, folder / "training_rows.safetensors")
        return folder


@dataclass
class Evaluated:
    """What the step left behind."""

    folder: Path
    document: dict[str, Any]
    page: str
    events: list[dict[str, Any]]
    metrics: Any
    classification: Any


Evaluate = Callable[..., Evaluated]


def _run(
    workplace: Workplace, out: Path, champion: str = "", kfp: tuple[Any, Any] = (None, None), **given: Any
) -> Evaluated:
    from stillhouse.components.evaluate.evaluate import evaluate as step
    from stillhouse.components.evaluate.settings import EvaluateSettings
    from stillhouse.components.tracking.run import StepRun

    quick = {"task": "text_classification", "resamples": 200, "latency_rows": 8, "latency_rounds": 1}
    step(
        EvaluateSettings.model_validate({**quick, **given}),
        champion=champion,
        dataset=workplace.folder / "dataset",
        teacher=workplace.folder / "teacher",
        student=workplace.folder / "student",
        evaluation=out / "evaluation",
        report=out / "report",
        baseline=out / "baseline",
        metrics=kfp[0],
        classification=kfp[1],
        run=StepRun("evaluate", "run-1", out / "home"),
    )
    spool = out / "home" / "run-1" / "spool" / "evaluate.jsonl"
    return Evaluated(
        out,
        json.loads((out / "evaluation").read_text()),
        (out / "report").read_text(),
        [json.loads(line) for line in spool.read_text().splitlines()],
        *kfp,
    )


@pytest.fixture(scope="session")
def make_workplace(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workplace]:
    """Writes a dataset, a teacher and a student for a kind of target."""

    def make(target: str = "classes") -> Workplace:
        workplace = Workplace(tmp_path_factory.mktemp(target), target)
        workplace.write_dataset()
        workplace.write_model("teacher", width=32)
        workplace.write_model("student", width=16)
        return workplace

    return make


@pytest.fixture(scope="session")
def workplace(make_workplace: Callable[..., Workplace]) -> Workplace:
    return make_workplace()


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Runs the step in a workplace, quickly."""

    def on(workplace: Workplace, **given: Any) -> Evaluated:
        return _run(workplace, tmp_path / "out", **given)

    return on


@pytest.fixture(scope="session")
def done(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """One run with everything but a champion, for tests that only look at it."""
    from kfp import dsl

    out = tmp_path_factory.mktemp("done")
    metrics = dsl.Metrics(name="metrics", uri=str(out / "metrics"), metadata={})
    classification = dsl.ClassificationMetrics(name="classification", uri=str(out / "c"), metadata={})
    return _run(workplace, out, kfp=(metrics, classification), slices=["list"])
