"""The tokenizer of a base, as far as its files tell without opening it: is there one, and does it fit the weights?"""

import json
from collections.abc import Mapping
from typing import Any

from stillhouse.components.storage.model_files import ModelFiles
from stillhouse.errors import UserError

OWN, PIECES = "tokenizer.json", ("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "spm.model")
CONFIG, SPECIAL, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
PADS = ("[PAD]", "<pad>", "<|endoftext|>", "</s>", "<eos>")
"""What classes of tokenizers pad with when their files do not say it."""


def check_tokenizer(files: ModelFiles, inside: str, config: Mapping[str, Any]) -> None:
    """Look at the tokenizer files of a base.

    Args:
        files: of the base.
        inside: the folder within it that holds the model, with a '/' at its end, or "".
        config: its config.json.

    Raises:
        UserError: there are none, one cannot be read, they know more tokens than the weights, or name neither a
            padding nor an end token.
    """
    names = {name.removeprefix(inside) for name in files.sizes if name.startswith(inside)}
    known = _vocabulary(files, inside, names)
    rows = config.get("vocab_size")
    if known and isinstance(rows, int) and max(known.values()) >= rows:
        token = max(known, key=lambda token: known[token])
        raise UserError(
            f"base '{files.address}': its tokenizer gives ids up to {known[token]} ({token!r}), and its embeddings "
            f"have {rows} rows (vocab_size in config.json); call model.resize_token_embeddings({known[token] + 1}), "
            "train the new ones, and save the model with its tokenizer again."
        )
    if config.get("pad_token_id") is None:
        _check_padding(files, inside, names, known)


def _vocabulary(files: ModelFiles, inside: str, names: set[str]) -> dict[str, int]:
    """Ids of the tokens; empty where only a sentencepiece file knows them.

    Raises:
        UserError: there are no tokenizer files.
    """

    def read(name: str) -> Any:
        try:
            return json.loads(files.read(f"{inside}{name}").decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"base '{files.address}': {name} cannot be read ({error}); save or copy the tokenizer again."
            ) from None

    try:
        added: dict[str, int] = read(ADDED) if ADDED in names else {}
        if OWN in names:
            found = read(OWN)
            vocabulary = found["model"].get("vocab") or {}
            if isinstance(vocabulary, list):  # unigram: pieces with their scores, by id
                vocabulary = {piece: number for number, (piece, _) in enumerate(vocabulary)}
            return {**vocabulary, **{token["content"]: token["id"] for token in found.get("added_tokens") or []}}
        if "vocab.txt" in names:
            lines = files.read(f"{inside}vocab.txt").decode("utf-8").removesuffix("\n").split("\n")
            return {**{line.rstrip("\r"): number for number, line in enumerate(lines)}, **added}
        if {"vocab.json", "merges.txt"} <= names:
            return {**read("vocab.json"), **added}
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise UserError(
            f"base '{files.address}': its tokenizer files are not what transformers writes ({error!r}); save the "
            "tokenizer again."
        ) from None
    if any(name in names for name in PIECES):
        return {}
    raise UserError(
        f"base '{files.address}': it has no tokenizer (tokenizer.json, vocab.txt, vocab.json with merges.txt, or a "
        "sentencepiece file); save it there with AutoTokenizer.from_pretrained(NAME).save_pretrained(folder)."
    )


def _check_padding(files: ModelFiles, inside: str, names: set[str], known: Mapping[str, int]) -> None:
    named: dict[str, Any] = {}
    for name in (CONFIG, SPECIAL):
        if name in names:
            try:
                found = json.loads(files.read(f"{inside}{name}").decode("utf-8"))
                named |= {role: found[role] for role in ("pad_token", "eos_token", "unk_token") if found.get(role)}
            except (ValueError, AttributeError, RecursionError) as error:
                raise UserError(
                    f"base '{files.address}': {name} cannot be read ({error}); save or copy the tokenizer again."
                ) from None
    if named or not known or any(token in known for token in PADS):
        return
    raise UserError(
        f"base '{files.address}': its tokenizer has neither a padding, an end nor an unknown token; write "
        f"pad_token into {CONFIG}, as a token that its vocabulary holds."
    )
