"""Whether the vocabulary of a base model knows the texts, and its last layer can learn the numbers: before a GPU is
asked for."""

import json
import logging
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.artifacts.adapters import split_address
from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.artifacts.fetch import TOKENIZER
from stillhouse.components.storage.model_files import ModelFiles, model_files
from stillhouse.components.storage.packages import known_package, package_folder
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

logger = logging.getLogger(__name__)

SAMPLE_TEXTS = 2000
"""Texts, evenly taken, that a vocabulary is tried on."""
SAMPLE_CHARACTERS = 2000
"""Of each of them."""
WARNED = 0.05
"""Share of unknown tokens from which there is a warning."""
FAR = 10
"""Standard deviations that numbers may lie from zero for a last layer without a bias."""


def check_texts(bases: Iterable[BaseFacts], texts: Sequence[str], max_unknown: float) -> list[BaseFacts]:
    """The bases with the share of the texts' tokens that each of their vocabularies does not know.

    Raises:
        UserError: it is larger than `max_unknown`, or a tokenizer cannot be read.
    """
    sample = sampled(texts)
    checked = [base.model_copy(update={"unknown": _unknown(base, sample)}) if sample else base for base in bases]
    for base in checked:
        share = base.unknown or 0.0
        if share > max_unknown:
            raise UserError(
                f"base '{base.address}': {share:.0%} of the tokens of the texts are unknown to its vocabulary; take a "
                "base of the texts' language and writing, or allow it by prepare.max_unknown_tokens."
            )
        if share > WARNED:
            logger.warning("base '%s': %.1f %% of the texts' tokens are unknown to it", base.address, 100 * share)
    return checked


def sampled(texts: Sequence[str]) -> list[str]:
    """The beginnings of some of the texts, evenly taken: enough to tell their words from."""
    step = -(-len(texts) // SAMPLE_TEXTS) or 1
    return [text[:SAMPLE_CHARACTERS] for text in texts[::step]]


def check_numbers(bases: Iterable[BaseFacts], values: Sequence[float]) -> None:
    """Whether a base whose last layer has no bias can learn these numbers.

    Raises:
        UserError: they lie so far from zero that it answers their mean at best.
    """
    mean, spread = float(np.mean(values)), float(np.std(values))
    for base in bases:
        if base.decoder and abs(mean) > FAR * spread:
            raise UserError(
                f"base '{base.address}': its last layer has no bias, and the numbers to learn lie around {mean:.4g} "
                f"(standard deviation {spread:.3g}); subtract {mean:.4g} from the label column, or take an encoder."
            )


def _unknown(base: BaseFacts, texts: Sequence[str]) -> float | None:
    """Share of unknown tokens; None of a model of our own, and where nothing is ever unknown."""
    if not base.architecture:
        return None
    backend, unknown = _known_tokenizer(base.address) if known_package(base.address) else _tokenizer(base.address)
    if unknown is None:
        return 0.0
    backend.no_truncation()
    backend.no_padding()
    encoded = backend.encode_batch_fast(list(texts), add_special_tokens=False)
    ids = np.concatenate([np.asarray(one.ids, np.int64) for one in encoded])
    return float(np.mean(ids == unknown)) if len(ids) else 1.0


def _known_tokenizer(address: str) -> "tuple[Tokenizer, int | None]":
    """Of a package that was looked at: nothing in it has to be found out by transformers, which takes seconds."""
    from tokenizers import Tokenizer

    text = (package_folder(address) / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = Tokenizer.from_str(text)
    return tokenizer, tokenizer.token_to_id(json.loads(text)["model"]["unk_token"])


def _tokenizer(address: str) -> "tuple[Tokenizer, int | None]":
    from stillhouse.components.models.tokenizer import read_tokenizer

    both = split_address(address)
    files = model_files(both[0] if both else address)
    if both and not any(name.startswith(("tokenizer.", "vocab.")) for name in files.sizes):
        files = model_files(both[1])
    with tempfile.TemporaryDirectory() as folder:
        _copy_small(files, Path(folder))
        found = read_tokenizer(Path(folder))
    return found.backend_tokenizer, found.unk_token_id


def _copy_small(files: ModelFiles, folder: Path) -> None:
    """The tokenizer of a base, with the configuration that names its class; weights stay where they are."""
    inside = (
        ""
        if "config.json" in files.sizes
        else next((name.removesuffix("config.json") for name in files.sizes if name.endswith("/config.json")), "")
    )
    for name in files.sizes:
        plain = name.removeprefix(inside)
        if name.startswith(inside) and "/" not in plain and (plain == "config.json" or plain.startswith(TOKENIZER)):
            (folder / plain).write_bytes(files.read(name))
