"""The file that MLflow keeps beside a registered text classifier and runs to load it (models from code).

It needs torch, transformers, pandas, pyarrow and ftfy, nothing of Stillhouse but two files, which are kept beside it:
that which makes texts of values, and that which cleans them. A network that transformers does not have needs a third
one, its own. So does TF-IDF with a linear model, and neither torch nor transformers. MLflow runs it when the model is
logged, too, where there may be no torch: so what it needs is imported when the model is loaded.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

BATCH_ROWS = 32
CHARACTERS_PER_TOKEN = 12
"""As stillhouse.components.modalities.text.tokenizer cuts long texts; a test holds the two together."""


class TextModel(PythonModel):
    """Answers for texts with the most likely label and the probability of each (or with a value)."""

    def load_context(self, context: Any) -> None:
        """Load the folder that is the artifact `model`: a transformers folder (safetensors only, no remote code), or
        TF-IDF with a linear model, whose code is the artifact `linear`."""
        folder = context.artifacts["model"]
        safe = {"local_files_only": True, "trust_remote_code": False}
        self.values, self.cleaning = (_module(context.artifacts[name]) for name in ("values", "cleaning"))
        self.info = json.loads(Path(folder, "model.json").read_text("utf-8"))
        self.linear = None
        if "linear" in context.artifacts:
            self.linear = _module(context.artifacts["linear"]).TfidfLinear.load(Path(folder), self.info["target"])
            return

        import torch
        from transformers import AutoModelForSequenceClassification

        if "network" in context.artifacts:
            _module(context.artifacts["network"])  # makes itself known to transformers
        self.tokenizer = self._read_tokenizer(folder, safe)
        self.model = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **safe
        ).eval()

    def predict(  # pyrefly: ignore[bad-override] - the parent's bare body reads as "returns None"
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Answer for a table with a column `text`; MLflow checks that it has one and drops the others.

        Texts are cleaned as the training data was. A value that is not text (a number, a date, none) becomes one as it
        did there.

        Returns:
            One row per text: `label` (for a multi-label target the list of those with at least 0.5), `score`
            (the highest probability) and `probability_<label>` of each label; for a numeric target `value`.

        Raises:
            ValueError: a value has no text, or the model has no finite answer for it.
        """
        scores = self._scores(self._texts(model_input["text"]))
        if not np.isfinite(scores).all():
            row = int(np.isfinite(scores).all(axis=1).argmin())
            raise ValueError(
                f"row {row}: the model has no finite answer (nan or infinite); take another version of it."
            )
        target, labels = self.info["target"], self.info["labels"]
        if target == "number":
            return pd.DataFrame({"value": scores[:, 0]})
        if target == "multi_label":
            chosen = [[label for label, p in zip(labels, row, strict=True) if p >= 0.5] for row in scores]
        else:
            chosen = [labels[index] for index in scores.argmax(axis=1)]
        columns = {f"probability_{label}": scores[:, index] for index, label in enumerate(labels)}
        return pd.DataFrame({"label": chosen, "score": scores.max(axis=1), **columns})

    def _texts(self, column: pd.Series) -> list[str]:
        import pyarrow as pa

        written = [self.values.text(value) or "" for value in column]
        if "cleaning" not in self.info:  # a model from before it said so: asked as it came, as ever
            return written
        return self.cleaning.cleaned(pa.array(written, pa.string()), self.info["cleaning"]).to_pylist()

    def _scores(self, texts: list[str]) -> np.ndarray:
        """Probabilities [texts, labels], or values; nan where the model has no finite answer."""
        if self.linear is not None:
            return self.linear.score(texts)
        logits, target = self._logits(texts), self.info["target"]
        logits[~np.isfinite(logits).all(axis=1)] = np.nan
        if target == "number":
            return logits
        return _sigmoid(logits) if target == "multi_label" else _softmax(logits)

    def _logits(self, texts: list[str]) -> np.ndarray:
        """Float32 [texts, labels]; texts of like length share a batch, so that little is padded."""
        import torch

        logits = np.zeros((len(texts), self.model.config.num_labels), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH_ROWS):
            rows = order[start : start + BATCH_ROWS]
            read = self.tokenizer.encode_batch_fast([self._shortened(texts[row]) for row in rows])
            padding = self.model.config.pad_token_id
            ids = [self._ends(one.ids) or [padding] for one in read]
            shape = len(ids), max(map(len, ids))
            tokens = torch.full(shape, padding)
            mask = torch.zeros(shape, dtype=torch.long)
            for index, one in enumerate(ids):  # padded at the end, as in training
                tokens[index, : len(one)], mask[index, : len(one)] = torch.tensor(one, dtype=torch.long), 1
            with torch.inference_mode():
                logits[rows] = self.model(input_ids=tokens, attention_mask=mask).logits.numpy()
        return logits

    def _read_tokenizer(self, folder: str, safe: dict[str, Any]) -> Any:
        """A `tokenizers.Tokenizer` that neither cuts nor pads: the file that model.json names. Where it names none the
        weights were trained on what transformers' class makes of the folder."""
        if "tokenizer" in self.info:
            from tokenizers import Tokenizer

            tokenizer: Any = Tokenizer.from_file(str(Path(folder, self.info["tokenizer"])))
        else:
            from transformers import AutoTokenizer

            made: Any = AutoTokenizer.from_pretrained(folder, **safe)
            tokenizer = made.backend_tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _shortened(self, text: str) -> str:
        """Without the characters in the middle that no token of the answer comes from."""
        half = self.info["max_length"] * CHARACTERS_PER_TOKEN // 2
        return text if len(text) <= 2 * half else f"{text[:half]} {text[-half:]}"

    def _ends(self, ids: list[int]) -> list[int]:
        """The first and the last half of what is too long: what the model was trained on."""
        limit = self.info["max_length"]
        return ids if len(ids) <= limit else ids[: limit - limit // 2] + ids[-(limit // 2) :]


def _module(path: str | Path) -> Any:
    """A file of code that was kept beside the model, under a name that nothing else has."""
    spec = importlib.util.spec_from_file_location(f"stillhouse_model_{Path(path).stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


set_model(TextModel())
