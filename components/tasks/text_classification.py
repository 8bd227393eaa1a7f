"""Text classification: one of several classes, several labels at once, or a number."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.modalities.text.augment import drop_words, mask_tokens
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.modalities.text.tokenizer import encode, train_tokenizer
from stillhouse.components.models.architectures import DECODERS
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.models.tokenizer import SAFE, read_tokenizer, texts_read_otherwise
from stillhouse.components.safety.model_folders import refuse_unsafe
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from stillhouse.components.models.settings import Architecture
    from stillhouse.components.training.batches import Samples

OBJECTIVES: tuple[str, ...] = ("masked_lm", "next_word")
PROBLEM_TYPES = {
    "classes": "single_label_classification",
    "multi_label": "multi_label_classification",
    "number": "regression",
}
"""What transformers calls our kinds of target."""
BROADCAST_MASK = {"bert", "roberta", "distilbert", "electra"}
"""Encoders whose attention takes a mask of [rows, 1, 1, tokens]; shown by a test for each."""
CAUSAL = DECODERS
SAFE_WEIGHTS: dict[str, Any] = {**SAFE, "use_safetensors": True, "dtype": "float32"}
"""safetensors only, no remote code; float32 master weights whatever the checkpoint holds."""


def new_backbone(texts: Sequence[str], architecture: "Architecture", objective: str, base: str) -> LoadedModel:
    """A language model for pretraining: the folder `base`, or random weights and a tokenizer learnt from `texts`.

    Raises:
        UserError: the base cannot be loaded, or reads in the direction that the other objective needs.
    """
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    from stillhouse.components.models.quiet import quiet

    quiet()
    auto = AutoModelForMaskedLM if objective == "masked_lm" else AutoModelForCausalLM
    if base:
        kind = json.loads((Path(base) / "config.json").read_text(encoding="utf-8")).get("model_type")
        if (kind in CAUSAL) != (objective == "next_word"):
            raise UserError(
                f"pretrain.objective is '{objective}', and the base '{base}' is a {kind}; masked_lm needs an encoder "
                f"and next_word one of: {', '.join(sorted(CAUSAL))}."
            )
        return _noted(_load(auto, base), base, texts)
    tokenizer = train_tokenizer(texts, architecture.vocab_size, architecture.max_length)
    return LoadedModel(auto.from_config(_config(architecture, tokenizer, objective)), tokenizer, {})


def pretraining_samples(
    loaded: LoadedModel,
    texts: Sequence[str],
    objective: str,
    *,
    mask_probability: float,
    max_length: int,
    seed: int,
) -> TextSamples:
    """Texts as samples of masked or next-word prediction; masks derive from (seed, epoch, row, position)."""
    from stillhouse.components.models.layers import num_tokens

    tokens, offsets = _encode(loaded, texts, max_length)
    tokenizer, special = loaded.tokenizer, np.array(loaded.tokenizer.all_special_ids)
    if objective == "masked_lm" and tokenizer.mask_token_id is None:
        raise UserError(
            "train_pretraining is 'masked_lm', and the base's tokenizer names no mask token; add `mask_token` to its "
            "tokenizer_config.json, or set it to none."
        )
    vocab_size = min(len(tokenizer), num_tokens(loaded.model))

    def masked(ids: np.ndarray, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        draws, choice = (uniform(seed, epoch, rows, ids.shape[1], stream) for stream in (0, 1))
        return mask_tokens(
            ids,
            draws,
            choice,
            probability=mask_probability,
            special=special,
            mask_id=_id(tokenizer, "mask"),
            vocab_size=vocab_size,
        )

    def shifted(ids: np.ndarray, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        return {"labels": np.where(ids == _id(tokenizer, "pad"), -100, ids)}

    return TextSamples(tokens, offsets, _id(tokenizer, "pad"), change=masked if objective == "masked_lm" else shifted)


def pretraining_loss(model: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
    """Sum of the cross-entropies of the predicted tokens, and how many were predicted.

    A masked language model's head runs on the masked positions only: with a large vocabulary it costs as much as
    all layers.
    """
    from torch.nn.functional import cross_entropy

    from stillhouse.components.models.layers import prediction_head

    network = cast("PreTrainedModel", model)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": _mask(network, batch["attention_mask"])}
    head = prediction_head(network)
    labels = batch["labels"]
    if network.config.model_type in CAUSAL:
        logits, labels = network(**inputs).logits[:, :-1], labels[:, 1:]
    elif head is not None:
        hidden = network.base_model(**inputs)[0]
        logits, labels = head(hidden[labels != -100]), labels[labels != -100]
    else:
        logits = network(**inputs).logits
    loss = cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100, reduction="sum")
    return loss, int((labels != -100).sum())


def with_new_head(
    start: str | None,
    texts: Sequence[str],
    architecture: "Architecture | None",
    info: dict[str, Any],
    dropout: float | None = None,
    tokenizer: "PreTrainedTokenizerFast | None" = None,
) -> LoadedModel:
    """The backbone in the folder `start` under a new head.

    Without `start` random weights of `architecture`, with the given tokenizer or one learnt from `texts`.

    Raises:
        UserError: the model in the folder cannot be loaded.
    """
    from transformers import AutoModelForSequenceClassification

    from stillhouse.components.models.layers import output_layer, set_dropout
    from stillhouse.components.models.quiet import quiet

    quiet()
    labels = info["labels"] or ["value"]
    head = {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
        "problem_type": PROBLEM_TYPES[info["target"]],
    }
    if start is None:
        assert architecture is not None
        tokenizer = tokenizer or train_tokenizer(texts, architecture.vocab_size, architecture.max_length)
        config = _config(architecture, tokenizer, "masked_lm")
        config.update(head)
        loaded = LoadedModel(AutoModelForSequenceClassification.from_config(config), tokenizer, info)
    else:
        # A head for another number of labels that the folder may hold is not taken, nor one that answers otherwise.
        loaded = _load(AutoModelForSequenceClassification, start, info, ignore_mismatched_sizes=True, **head)
        if _answers_otherwise(Path(start), info):
            output_layer(loaded.model).reset_parameters()
        loaded = _noted(loaded, start, texts)
    if dropout is not None:
        set_dropout(loaded.model, dropout)
    return loaded


def _answers_otherwise(folder: Path, info: Mapping[str, Any]) -> bool:
    """Whether the folder holds a model of ours whose head is of no use for the target and labels in `info`.

    That of a number answers in real units, and a network learns a number in others.
    """
    path = folder / "model.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return "target" in known and (
        info["target"] == "number" or any(known[key] != info[key] for key in ("target", "labels"))
    )


def labelled_samples(
    loaded: LoadedModel,
    texts: Sequence[str],
    targets: np.ndarray,
    *,
    max_length: int,
    augment: float,
    seed: int,
) -> TextSamples:
    """Texts with targets; with `augment` each epoch hides other words."""
    tokens, offsets = _encode(loaded, texts, max_length)
    tokenizer = loaded.tokenizer
    special = np.array(tokenizer.all_special_ids)
    hidden = next(i for i in (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id) if i is not None)
    if targets.dtype == np.float64:
        targets = targets.astype(np.float32)

    def augmented(ids: np.ndarray, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        return drop_words(ids, uniform(seed, epoch, rows, ids.shape[1]), share=augment, special=special, mask_id=hidden)

    return TextSamples(tokens, offsets, _id(loaded.tokenizer, "pad"), targets, change=augmented if augment else None)


def loss(
    target: str, *, class_weights: np.ndarray | None, label_smoothing: float
) -> "Callable[[nn.Module, Mapping[str, torch.Tensor]], tuple[torch.Tensor, int]]":
    """Cross-entropy for classes, binary cross-entropy for several labels, squared error for a number; summed."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

    weights = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))

    def classes(model: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
        weight = None if weights is None else weights.to(batch["labels"].device)
        values = cross_entropy(
            logits_of(model, batch),
            batch["labels"],
            weight=weight,
            label_smoothing=label_smoothing,
            reduction="sum",
        )
        return values, len(batch["labels"])

    def multi_label(model: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
        weight = None if weights is None else weights.to(batch["labels"].device)
        soft = batch["labels"] * (1 - label_smoothing) + label_smoothing / 2
        values = binary_cross_entropy_with_logits(logits_of(model, batch), soft, pos_weight=weight, reduction="sum")
        return values / soft.shape[1], len(soft)

    def number(model: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
        return mse_loss(logits_of(model, batch).squeeze(-1), batch["labels"], reduction="sum"), len(batch["labels"])

    return {"classes": classes, "multi_label": multi_label, "number": number}[target]


def outputs_of(model: "nn.Module", batch: Mapping[str, "torch.Tensor"], **options: Any) -> Any:
    """The model's output: logits float32 [rows, labels], and what `options` ask for."""
    mask = _mask(cast("PreTrainedModel", model), batch["attention_mask"])
    return model(input_ids=batch["input_ids"], attention_mask=mask, **options)


def logits_of(model: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "torch.Tensor":
    """Logits float32 [rows, labels]."""
    return outputs_of(model, batch).logits


def load_model(path: str | Path, device: str = "cpu") -> LoadedModel:
    """A trained model, ready to answer.

    Raises:
        UserError: the folder holds no model of ours.
    """
    folder = Path(path)
    if not (folder / "model.json").is_file() or not (folder / "model.safetensors").is_file():
        raise UserError(
            f"{folder} holds no model: model.json and model.safetensors are needed; give the folder a step wrote."
        )
    refuse_unsafe(folder)
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    if info.get("load") == TFIDF:
        return _load_tfidf(folder, info)

    from transformers import AutoModelForSequenceClassification

    from stillhouse.components.models.quiet import quiet

    quiet()
    loaded = _load(AutoModelForSequenceClassification, str(folder), info)
    network: nn.Module = loaded.model
    network.to(device).eval()
    return loaded


def _load_tfidf(folder: Path, info: dict[str, Any]) -> LoadedModel:
    """It answers on the processor, wherever it is asked to: there is nothing in it that a GPU would be quicker at."""
    try:
        model = TfidfLinear.load(folder, info["target"])
    except ValueError as error:
        raise UserError(f"model '{folder}': {error}; copy it again, or take another version.") from None
    return LoadedModel(cast(Any, model), cast(Any, None), info)


def score(
    loaded: LoadedModel,
    texts: Sequence[str],
    *,
    batch_tokens: int = 8192,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Answers for `texts`: probabilities float32 [rows, labels], or values [rows, 1] for a number."""
    if isinstance(loaded.model, TfidfLinear):
        return loaded.model.score(texts, progress)
    samples = TextSamples(*encode(loaded.tokenizer, texts, loaded.info["max_length"]), _id(loaded.tokenizer, "pad"))
    return score_samples(loaded.model, samples, loaded.info["target"], batch_tokens=batch_tokens, progress=progress)


def score_samples(
    model: "nn.Module",
    samples: "Samples",
    target: str,
    *,
    batch_tokens: int = 8192,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The same for samples already tokenised, shortest first so that padding is small.

    A row for which the network gives nan or an infinite number is nan in all labels: there is no answer.
    """
    import torch

    device = next(model.parameters()).device
    chunks, order = [], np.argsort(samples.lengths, kind="stable")
    with torch.inference_mode():
        for rows in _runs(order, samples.lengths, batch_tokens):
            batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, 0).items()}
            logits = logits_of(model, batch).float()
            logits = logits.masked_fill(~logits.isfinite().all(-1, keepdim=True), torch.nan)
            answers = {
                "classes": lambda x: x.softmax(-1),
                "multi_label": torch.sigmoid,
                "number": lambda x: x,
            }[target](logits)
            chunks.append(answers.cpu().numpy())
            if progress is not None:
                progress(len(rows))
    scores = np.zeros((len(order), chunks[0].shape[1] if chunks else 1), np.float32)
    if chunks:
        scores[order] = np.concatenate(chunks)
    return scores


def _runs(order: np.ndarray, lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Cut `order`, shortest first, into runs whose padded size stays within `budget` tokens."""
    runs, start = [], 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * int(lengths[order[end]]) > budget:
            runs.append(order[start:end])
            start = end
    return runs


def _mask(model: "PreTrainedModel", mask: "torch.Tensor") -> "torch.Tensor | None":
    """None where nothing is padded: attention then takes its fast path. For encoders else a mask that broadcasts over
    heads and queries, which transformers takes as it is instead of building one of [rows, 1, tokens, tokens]; not for
    its eager attention, which would add the mask as zeros and ones."""
    if bool(mask.all()):
        return None
    config = model.config
    broadcasts = config.model_type in BROADCAST_MASK and config._attn_implementation != "eager"
    return mask[:, None, None, :] if broadcasts else mask


def _encode(loaded: LoadedModel, texts: Sequence[str], max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of `texts`, as `encode` gives them.

    Raises:
        UserError: the model has fewer positions than `max_length`, or no weights for one of the tokens.
    """
    from stillhouse.components.models.layers import num_positions, num_tokens

    positions = num_positions(loaded.model)
    if max_length > positions:
        raise UserError(f"loop.max_length is {max_length}, but the model has {positions} positions; set it to no more.")
    tokens, offsets = encode(loaded.tokenizer, texts, max_length)
    rows = num_tokens(loaded.model)
    largest = max(int(tokens.max(initial=0)), _id(loaded.tokenizer, "pad"))
    if largest >= rows:
        name = loaded.tokenizer.backend_tokenizer.id_to_token(largest)
        raise UserError(
            f"the base's tokenizer has the token '{name}' as number {largest:,}, and its weights know {rows:,} tokens, "
            "from number 0; take the tokenizer that the weights were trained with."
        )
    return tokens, offsets


def _load(auto: Any, folder: str, info: dict[str, Any] | None = None, **options: Any) -> LoadedModel:
    """Model and tokenizer in a folder.

    Raises:
        UserError: they cannot be loaded, or the weights are not safetensors.
    """
    from safetensors import SafetensorError

    from stillhouse.components.models.layers import counts_behind_padding
    from stillhouse.components.models.weights import load

    try:
        model = load(auto, folder, **SAFE_WEIGHTS, **options)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"model '{folder}' cannot be loaded ({reason.rstrip('.')}); "
            "save it again with save_pretrained, or name another."
        ) from None
    tokenizer = read_tokenizer(Path(folder))
    if not counts_behind_padding(model):
        model.config.pad_token_id = tokenizer.pad_token_id
    return LoadedModel(model, tokenizer, info or {})


def _noted(loaded: LoadedModel, folder: str, texts: Sequence[str]) -> LoadedModel:
    """With what must be said of the base in `folder` for these texts."""
    other = texts_read_otherwise(Path(folder), loaded.tokenizer, texts)
    if not other:
        return loaded
    sentence = (
        f"The tokenizer.json of the base counts; transformers' AutoTokenizer would give other ids to {other:,} of "
        f"{len(texts):,} texts."
    )
    return replace(loaded, notes={"tokenizer": sentence})


def _id(tokenizer: "PreTrainedTokenizerFast", role: str) -> int:
    return int(getattr(tokenizer, f"{role}_token_id"))


def _config(architecture: "Architecture", tokenizer: "PreTrainedTokenizerFast", objective: str) -> Any:
    """BERT for masked tokens, GPT-2 for the next word.

    No dropout inside attention: it would cost attention's fused kernel, and on a CPU half the speed.
    """
    from transformers import BertConfig, GPT2Config

    a = architecture
    if objective == "next_word":
        return GPT2Config(
            vocab_size=len(tokenizer),
            n_embd=a.width,
            n_layer=a.layers,
            n_head=a.heads,
            n_inner=a.feed_forward or 4 * a.width,
            n_positions=a.max_length,
            embd_pdrop=a.dropout,
            resid_pdrop=a.dropout,
            attn_pdrop=0.0,
            bos_token_id=_id(tokenizer, "cls"),
            eos_token_id=_id(tokenizer, "sep"),
            pad_token_id=_id(tokenizer, "pad"),
        )
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=a.width,
        num_hidden_layers=a.layers,
        num_attention_heads=a.heads,
        intermediate_size=a.feed_forward or 4 * a.width,
        max_position_embeddings=a.max_length,
        hidden_dropout_prob=a.dropout,
        attention_probs_dropout_prob=0.0,
        pad_token_id=_id(tokenizer, "pad"),
    )
