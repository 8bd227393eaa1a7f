"""TF-IDF with a linear model, the strong baseline, as a model of its own: safetensors and JSON, no pickle.

It answers without scikit-learn and torch, and imports nothing of Stillhouse: MLflow keeps the file beside a registered
model.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

LOAD = "tfidf_linear"
"""What model.json says under `load`."""
WEIGHTS, VOCABULARY = "model.safetensors", "vocabulary.json"
WORD = re.compile(r"\w+")
BATCH_ROWS = 512
"""Rows after which progress is told."""


class TfidfLinear:
    """Words in lower case, sublinear term frequency times inverse document frequency at length 1 (Salton and Buckley,
    1988, doi:10.1016/0306-4573(88)90021-0), and a linear layer: softmax for classes, a sigmoid for each label of a set,
    the value itself for a number."""

    LOAD: ClassVar[str] = LOAD

    def __init__(
        self, target: str, vocabulary: Sequence[str], idf: np.ndarray, weights: np.ndarray, bias: np.ndarray
    ) -> None:
        """Take what was fitted.

        Args:
            target: classes, multi_label or number.
            vocabulary: the words, in the order of the columns.
            idf: [words].
            weights: [labels, words]; one row for a number.
            bias: [labels]; minus infinity for a class or label that is never answered.
        """
        self.target, self.vocabulary = target, list(vocabulary)
        self.idf, self.bias = idf.astype(np.float32), bias.astype(np.float32)
        self._by_word = np.ascontiguousarray(weights.T, dtype=np.float32)
        self._column = {word: column for column, word in enumerate(self.vocabulary)}

    @property
    def parameters(self) -> int:
        """Weights and biases of the linear layer."""
        return self._by_word.size + self.bias.size

    def save(self, folder: Path) -> None:
        """Write weights and vocabulary into `folder`."""
        from safetensors.numpy import save_file

        weights = np.ascontiguousarray(self._by_word.T)
        save_file({"idf": self.idf, "weights": weights, "bias": self.bias}, folder / WEIGHTS)
        (folder / VOCABULARY).write_text(json.dumps(self.vocabulary, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, target: str) -> Self:
        """What `save` wrote.

        Raises:
            ValueError: the files do not belong together, or are not of this kind.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            tensors = load_file(folder / WEIGHTS)
            vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
            idf, weights, bias = (tensors[name] for name in ("idf", "weights", "bias"))
        except (OSError, KeyError, RecursionError, SafetensorError) as error:
            raise ValueError(f"{WEIGHTS} or {VOCABULARY} cannot be read: {error}") from None
        if not isinstance(vocabulary, list) or not all(isinstance(word, str) for word in vocabulary):
            raise ValueError(f"{VOCABULARY} is not a list of words")
        if idf.shape != (len(vocabulary),) or bias.ndim != 1 or weights.shape != (len(bias), len(vocabulary)):
            raise ValueError(f"{VOCABULARY} has {len(vocabulary)} words, which the shapes in {WEIGHTS} do not fit")
        return cls(target, vocabulary, idf, weights, bias)

    def score(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Answers for `texts`: probabilities float64 [rows, labels], or values [rows, 1] for a number.

        Args:
            progress: is told the rows of each batch.
        """
        logits = np.zeros((len(texts), len(self.bias)))
        for start in range(0, len(texts), BATCH_ROWS):
            batch = texts[start : start + BATCH_ROWS]
            for row, text in enumerate(batch, start):
                logits[row] = self._logits(text)
            if progress is not None:
                progress(len(batch))
        if self.target == "number":
            return logits
        if self.target == "multi_label":
            return 1 / (1 + np.exp(-logits))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def _logits(self, text: str) -> np.ndarray:
        counts = Counter(self._column[word] for word in WORD.findall(text.lower()) if word in self._column)
        if not counts:
            return self.bias
        columns = np.fromiter(counts.keys(), np.int64, len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), np.float64, len(counts)))) * self.idf[columns]
        return values / np.sqrt(values @ values) @ self._by_word[columns] + self.bias
