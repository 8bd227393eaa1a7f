"""Language models that learn from texts without labels: masked language modelling and the next word."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.modalities.text.augment import mask_tokens
from stillhouse.components.modalities.text.load import attention_mask, encode_for, load_folder, noted, token_id
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.modalities.text.vocabulary import learn_words, reads_words, vocabulary_note
from stillhouse.components.models.architectures import DECODERS, RECURRENT
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from stillhouse.components.models.settings import Architecture

OBJECTIVES = ("masked_lm", "next_word")
LEARNT_BY: dict[str, Sequence[str]] = {"transformer": OBJECTIVES, "lstm": ("next_word",)}
"""What each network learns by, as `Architecture` calls it; the first one is its first choice."""


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
        if (kind in DECODERS | RECURRENT) != (objective == "next_word"):
            raise UserError(
                f"pretrain.objective is '{objective}', and the base '{base}' is a {kind}; masked_lm needs an encoder "
                f"and next_word one of: {', '.join(sorted(DECODERS | RECURRENT))}."
            )
        return noted(load_folder(auto, base), base, texts)
    learnt = LEARNT_BY[architecture.network]
    if objective not in learnt:
        raise UserError(
            f"pretrain.objective is '{objective}', and model.teacher.network is {architecture.network}, which learns "
            f"by {' or '.join(learnt)}; change one of them."
        )
    tokenizer, notes = tokenizer_for(architecture, texts)
    return LoadedModel(auto.from_config(config_of(architecture, tokenizer, objective)), tokenizer, notes=notes)


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

    tokens, offsets = encode_for(loaded, texts, max_length)
    tokenizer, special = loaded.processor, np.array(loaded.processor.all_special_ids)
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
            mask_id=token_id(tokenizer, "mask"),
            vocab_size=vocab_size,
        )

    def shifted(ids: np.ndarray, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        labels = np.where(ids == token_id(tokenizer, "pad"), -100, ids)
        labels[:, 0] = -100  # nothing stands before it
        return {"labels": labels}

    return TextSamples(
        tokens, offsets, token_id(tokenizer, "pad"), change=masked if objective == "masked_lm" else shifted
    )


def predicting_weights(model: "PreTrainedModel", mask_probability: float) -> int:
    """Weights that a token is told from the others of the vocabulary with: of a masked language model at masked ones
    alone, of an LSTM in either direction."""
    weights = cast(Any, model).get_input_embeddings().weight.numel()
    if model.config.model_type in RECURRENT:
        return 2 * weights
    return weights if model.config.model_type in DECODERS else round(weights * mask_probability)


def pretraining_loss(model: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "tuple[torch.Tensor, int]":
    """Sum of the cross-entropies of the predicted tokens, a scalar, and how many were predicted.

    A masked language model's head runs on the masked positions only: with a large vocabulary it costs as much as
    all layers.
    """
    from torch.nn.functional import cross_entropy

    from stillhouse.components.models.layers import prediction_head

    network = cast("PreTrainedModel", model)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": attention_mask(network, batch["attention_mask"])}
    labels = batch["labels"]
    if network.config.model_type in RECURRENT:
        return cast(Any, network).loss_both_ways(**inputs, labels=labels)
    head = prediction_head(network)
    if network.config.model_type in DECODERS:
        logits, labels = network(**inputs).logits[:, :-1], labels[:, 1:]
    elif head is not None:
        hidden = network.base_model(**inputs)[0]
        logits, labels = head(hidden[labels != -100]), labels[labels != -100]
    else:
        logits = network(**inputs).logits
    loss = cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100, reduction="sum")
    return loss, int((labels != -100).sum())


def tokenizer_for(
    architecture: "Architecture", texts: Sequence[str], shared: "PreTrainedTokenizerFast | None" = None
) -> "tuple[PreTrainedTokenizerFast, dict[str, str]]":
    """What a new network of this shape reads with, and what must be said of it.

    An LSTM learns words of its own; a transformer shares the tokenizer that it is given, unless that knows whole words
    alone.
    """
    if architecture.network == "lstm":
        words = learn_words(texts, architecture.vocab_size)
        return words, {"vocabulary": vocabulary_note(words, texts)}
    if shared is None or reads_words(shared):
        shared = train_tokenizer(texts, architecture.vocab_size, architecture.max_length)
    return shared, {}


def config_of(architecture: "Architecture", tokenizer: "PreTrainedTokenizerFast", objective: str) -> Any:
    """BERT for masked tokens, GPT-2 for the next word; an LSTM for both where the architecture says so.

    No dropout inside attention: it would cost attention's fused kernel, and on a CPU half the speed.
    """
    from transformers import BertConfig, GPT2Config

    a = architecture
    if a.network == "lstm":
        from stillhouse.components.models.lstm import LstmConfig

        return LstmConfig(
            vocab_size=len(tokenizer),
            hidden_size=2 * a.width,
            num_hidden_layers=a.layers,
            hidden_dropout_prob=a.dropout,
            pad_token_id=token_id(tokenizer, "pad"),
        )
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
            bos_token_id=token_id(tokenizer, "cls"),
            eos_token_id=token_id(tokenizer, "sep"),
            pad_token_id=token_id(tokenizer, "pad"),
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
        pad_token_id=token_id(tokenizer, "pad"),
    )
