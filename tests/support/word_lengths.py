"""A kind of problem without labels: how long each word of a text is. Answers are lists, the measure a ratio of sums."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.targets.measure import Measure, Statistics
from stillhouse.components.tasks.interface.task import AS_EVALUATED, Field, Task, Unit, View

TEXTS = ["a bee", "some bees", "it is a tree", "trees", "see the sea", "no"]


class Words:
    """Samples: the words' true lengths, from which the model is off by what it learnt."""

    def __init__(self, examples: Examples) -> None:
        self._sizes = [[len(word) for word in text.split()] for text in examples.values("text")]
        self.lengths = np.array([len(sizes) for sizes in self._sizes], np.int64)

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        import torch

        sizes = [torch.tensor(self._sizes[row], dtype=torch.float32) for row in rows.tolist()]
        return {"sizes": torch.nn.utils.rnn.pad_sequence(sizes, batch_first=True)}


class WordLengths(Task):
    """Answers a list of whole numbers for each text."""

    fields: ClassVar = {"text": Field("text"), "lengths": Field("tokens", target=True)}
    unit = Unit("word", 16, 16)
    measures = (
        Measure("share_right", "share of right lengths", lambda found, weights: _ratio(found, weights, "right")),
        Measure("miss", "mean miss", lambda found, weights: _ratio(found, weights, "off"), greater_is_better=False),
    )

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> Words:
        return Words(examples)

    def answers(self, outputs: Any, batch: Mapping[str, Any]) -> list[list[int]]:
        return [row[row > 0].round().int().tolist() if bool((row >= 0).all()) else [] for row in outputs]

    def unanswered(self, answers: list[list[int]]) -> np.ndarray:
        return np.array([not answer for answer in answers])

    def statistics(self, answers: list[list[int]], examples: Examples) -> dict[str, np.ndarray]:
        """A word without an answer is missed by its length."""
        told = [answer or [0] * len(true) for answer, true in zip(answers, examples.values("lengths"), strict=True)]
        pairs = list(zip(told, examples.values("lengths"), strict=True))
        off = [sum(abs(x - y) for x, y in zip(answer, true, strict=True)) for answer, true in pairs]
        right = [sum(x == y for x, y in zip(answer, true, strict=True)) for answer, true in pairs]
        words = [len(true) for _, true in pairs]
        return {"right": np.array(right), "off": np.array(off), "words": np.array(words)}

    def trivial(self, train: Examples, examples: Examples) -> list[list[int]]:
        mean = round(np.mean([size for sizes in train.values("lengths") for size in sizes]))
        return [[mean] * len(text.split()) for text in examples.values("text")]

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        from safetensors.torch import load_file

        network: Any = _network(float(load_file(Path(folder) / "model.safetensors")["off"]))
        return LoadedModel(network, None, info_of_trained(Path(folder)))

    def build(self, *args: Any, **options: Any) -> LoadedModel:
        raise NotImplementedError

    def loss(self, outputs: Any, batch: Any) -> Any:
        raise NotImplementedError

    def distillation_loss(self, outputs: Any, signal: Any, batch: Any, temperature: float) -> Any:
        raise NotImplementedError


class WordLengthsWithBaseline(WordLengths):
    """The same with a strong baseline that is measured and is no model: each word is one too long."""

    baseline = "one_more"

    def baseline_answers(self, train: Examples, examples: Examples, seed: int) -> list[list[int]]:
        return [[len(word) + (i > 0) for i, word in enumerate(text.split())] for text in examples.values("text")]


def write_dataset(folder: Path, task: str) -> None:
    """A dataset of six texts, four times over."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    for name in ("train", "validation", "test"):
        texts = TEXTS * 4
        columns = {
            "hash": [f"{name[:2].encode().hex()}{i:028x}" for i in range(len(texts))],
            "text": texts,
            "lengths": [[len(word) for word in text.split()] for text in texts],
            "slice_list": ["yes" if i % 4 == 0 else "no" for i in range(len(texts))],
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    spec = {"format": 1, "task": task, "target": "lengths", "labels": [], "source": "words.csv", "content_digest": "c"}
    (folder / "dataset.json").write_text(json.dumps(spec))


def write_model(folder: Path, task: str, off: float, labels: tuple[str, ...] = ()) -> Path:
    """A model whose answers are off by so much."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    save_file({"off": torch.tensor(off)}, folder / "model.safetensors")
    info = {"task": task, "target": "lengths", "labels": list(labels), "parameters": 1, "load": "off"}
    (folder / "model.json").write_text(json.dumps(info))
    save_file({"hashes": torch.zeros(1, dtype=torch.int64)}, folder / "training_rows.safetensors")
    return folder


def _network(off: float) -> Any:
    from torch import nn, tensor

    class Off(nn.Module):
        """Words longer than three characters are answered with what is learnt added."""

        def __init__(self) -> None:
            super().__init__()
            self.off = nn.Parameter(tensor(off))

        def forward(self, sizes: Any) -> Any:
            return sizes + self.off * (sizes > 3)

    return Off()


def _ratio(found: Statistics, weights: np.ndarray, part: str) -> np.ndarray:
    return (weights @ found[part]) / (weights @ found["words"])
