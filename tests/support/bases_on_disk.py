"""Small base models on disk, written without torch: a BERT of 16 values and two layers, with its tokenizer."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

WIDTH = 16
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "hello", "bye", "good", "bad", "and", "more", "words", "one", "row"]
CONFIG: dict[str, Any] = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": 20,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
TOKENIZER = {
    "version": "1.0",
    "added_tokens": [
        {"id": number, "content": token, "special": True, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for number, token in enumerate(SPECIAL)
    ],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            token: {"id": token, "ids": [SPECIAL.index(token)], "tokens": [token]} for token in ("[CLS]", "[SEP]")
        },
    },
    "decoder": None,
    "model": {
        "type": "WordPiece",
        "vocab": {word: number for number, word in enumerate(WORDS)},
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    },
}
TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    **{f"{token.strip('[]').lower()}_token": token for token in SPECIAL},
}


def bert_tensors(config: dict[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """Random weights of a BertModel of that configuration, the pooler among them; named as it names them."""
    draws = np.random.default_rng(0)
    width, wide = config["hidden_size"], config["intermediate_size"]

    def linear(name: str, rows: int, columns: int) -> dict[str, np.ndarray]:
        return {f"{name}.weight": draws.normal(0, 0.1, (rows, columns)), f"{name}.bias": draws.normal(0, 0.1, rows)}

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": np.ones(width), f"{name}.bias": np.zeros(width)}

    sizes = {"word": "vocab_size", "position": "max_position_embeddings", "token_type": "type_vocab_size"}
    tensors = {
        f"embeddings.{part}_embeddings.weight": draws.normal(0, 0.1, (config[size], width))
        for part, size in sizes.items()
    }
    tensors |= norm("embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        here = f"encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            tensors |= linear(f"{here}.attention.{part}", width, width)
        tensors |= norm(f"{here}.attention.output.LayerNorm")
        tensors |= linear(f"{here}.intermediate.dense", wide, width) | linear(f"{here}.output.dense", width, wide)
        tensors |= norm(f"{here}.output.LayerNorm")
    tensors |= linear("pooler.dense", width, width)
    return {f"{prefix}{name}": value.astype(np.float32) for name, value in tensors.items()}


def write_base(
    folder: Path,
    tensors: dict[str, np.ndarray] | None = None,
    config: dict[str, Any] | None = None,
    files: dict[str, Any] | None = None,
) -> Path:
    """A whole base in `folder`.

    Args:
        folder: made if it is not there.
        tensors: in place of the BERT's; none at all if empty.
        config: keys over those of CONFIG; None takes one out.
        files: other files, as bytes or what becomes JSON; None takes one out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {key: value for key, value in {**CONFIG, **(config or {})}.items() if value is not None}
    if tensors is None:
        tensors = bert_tensors(CONFIG)
    if tensors:
        save_file(tensors, folder / "model.safetensors")
    written = {"config.json": settings, "tokenizer.json": TOKENIZER, "tokenizer_config.json": TOKENIZER_CONFIG}
    for name, content in {**written, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder
