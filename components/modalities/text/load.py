"""Networks on texts and their tokenizers: read from a folder, under a head, and given what they read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.modalities.text.tokenizer import encode
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.models.tokenizer import (
    READING,
    SAFE,
    TOKENIZER_FILE,
    count_different,
    read_tokenizer,
    texts_read_otherwise,
    write_tokenizer,
)
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BROADCAST_MASK = {"bert", "roberta", "distilbert", "electra"}
"""Encoders whose attention takes a mask of [rows, 1, 1, tokens]; shown by a test for each."""
SAFE_WEIGHTS: dict[str, Any] = {**SAFE, "use_safetensors": True, "dtype": "float32"}
"""safetensors only, no remote code; float32 master weights whatever the checkpoint holds."""


def load_folder(auto: Any, folder: str, info: dict[str, Any] | None = None, **options: Any) -> LoadedModel:
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


def write_text_model(loaded: LoadedModel, folder: Path) -> dict[str, Any]:
    """Write weights (safetensors) and tokenizer; returns what model.json says of how they are read."""
    loaded.model.save_pretrained(folder)
    write_tokenizer(loaded.processor, folder)
    return {"load": "transformers", READING: TOKENIZER_FILE}


def same_ids(student: LoadedModel, teacher: LoadedModel, texts: Sequence[str]) -> bool:
    """Whether both read each of `texts` as the same tokens. An equal vocabulary is not enough: one may keep case."""
    ours, theirs = student.processor, teacher.processor
    return ours.get_vocab() == theirs.get_vocab() and not count_different(
        ours.backend_tokenizer, theirs.backend_tokenizer, texts
    )


def load_trained(auto: Any, folder: Path, info: dict[str, Any], device: str) -> LoadedModel:
    """A trained model on `device`, ready to answer; `info` is its model.json.

    Raises:
        UserError: it cannot be loaded.
    """
    from stillhouse.components.models.quiet import quiet

    quiet()
    return load_folder(auto, str(folder), info).answering(device)


def noted(loaded: LoadedModel, folder: str, texts: Sequence[str]) -> LoadedModel:
    """With what must be said of the base in `folder` for these texts."""
    other = texts_read_otherwise(Path(folder), loaded.processor, texts)
    if not other:
        return loaded
    sentence = (
        f"The tokenizer.json of the base counts; transformers' AutoTokenizer would give other ids to {other:,} of "
        f"{len(texts):,} texts."
    )
    return replace(loaded, notes={"tokenizer": sentence})


def encode_for(loaded: LoadedModel, texts: Sequence[str], max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of `texts` for this model, as `encode` gives them: int32 [tokens] and int64 [texts + 1].

    Raises:
        UserError: as `check_length` and `check_tokens`.
    """
    check_length(loaded, max_length)
    tokens, offsets = encode(loaded.processor, texts, max_length)
    check_tokens(loaded, tokens)
    return tokens, offsets


def check_length(loaded: LoadedModel, max_length: int) -> None:
    """The model takes texts of so many tokens.

    Raises:
        UserError: it has fewer positions.
    """
    from stillhouse.components.models.layers import num_positions

    positions = num_positions(loaded.model)
    if max_length > positions:
        raise UserError(f"loop.max_length is {max_length}, but the model has {positions} positions; set it to no more.")


def check_tokens(loaded: LoadedModel, tokens: np.ndarray) -> None:
    """The model knows all of `tokens`, int64 [tokens], and that of padding.

    Raises:
        UserError: it has no weights for one of them.
    """
    from stillhouse.components.models.layers import num_tokens

    rows = num_tokens(loaded.model)
    largest = max(int(tokens.max(initial=0)), token_id(loaded.processor, "pad"))
    if largest >= rows:
        name = loaded.processor.backend_tokenizer.id_to_token(largest)
        raise UserError(
            f"the base's tokenizer has the token '{name}' as number {largest:,}, and its weights know {rows:,} tokens, "
            "from number 0; take the tokenizer that the weights were trained with."
        )


def attention_mask(model: "PreTrainedModel", mask: "torch.Tensor") -> "torch.Tensor | None":
    """None where nothing of `mask`, bool [rows, tokens], is padded: attention then takes its fast path. For encoders
    else the mask as [rows, 1, 1, tokens], which broadcasts over heads and queries: transformers takes it as it is
    instead of building one of [rows, 1, tokens, tokens]; not for its eager attention, which would add the mask as zeros
    and ones."""
    if bool(mask.all()):
        return None
    config = model.config
    broadcasts = config.model_type in BROADCAST_MASK and config._attn_implementation != "eager"
    return mask[:, None, None, :] if broadcasts else mask


def token_id(tokenizer: "PreTrainedTokenizerFast", role: str) -> int:
    """Number of the tokenizer's token in `role`: pad, cls, sep or mask."""
    return int(getattr(tokenizer, f"{role}_token_id"))
