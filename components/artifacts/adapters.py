"""Adapters (LoRA; Hu et al., 2022, arXiv:2106.09685) as peft saves them, merged into the base they were trained on.

`ADAPTERS, on BASE` is the address of both together. What is merged is W + scale * B A, with scale alpha / r or, by
rsLoRA (Kalajdzievski, 2023, arXiv:2312.03732), alpha / sqrt(r). Other kinds are refused: peft merges them.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.artifacts.base_folder import ADAPTER_CONFIG, ADAPTER_WEIGHTS, BaseFolder, read_json
from stillhouse.components.models.architectures import HEADS, POOLER
from stillhouse.components.storage.model_files import ModelFiles
from stillhouse.components.storage.safetensors_header import Tensor
from stillhouse.components.storage.urls import is_local, local_path
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch

ADDRESS = re.compile(r"(?P<adapters>\S.*?)\s*,\s*on\s+(?P<base>\S.*)")
WRAPPED = "base_model.model."
"""What peft puts before each name."""
PARTS = re.compile(r"(?P<path>.+)\.(?P<part>lora_A\.weight|lora_B\.weight|lora_embedding_A|lora_embedding_B)")
PLAIN_STARTS = (True, False, None, "gaussian", "orthogonal", "eva")
"""Ways of starting adapters that leave the base as it is."""
OTHERWISE = (
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "lora_bias",
)
"""Settings that merge otherwise, where they are set."""
CLASSES = {
    "SEQ_CLS": "AutoPeftModelForSequenceClassification",
    "CAUSAL_LM": "AutoPeftModelForCausalLM",
    "FEATURE_EXTRACTION": "AutoPeftModelForFeatureExtraction",
    "TOKEN_CLS": "AutoPeftModelForTokenClassification",
    "QUESTION_ANS": "AutoPeftModelForQuestionAnswering",
}
"""peft's classes by task_type."""


def split_address(address: str) -> tuple[str, str] | None:
    """Adapters and base of `ADAPTERS, on BASE`; None of any other address."""
    found = ADDRESS.fullmatch(address.strip())
    return (found["adapters"], found["base"]) if found else None


def join_address(adapters: str, base: str) -> str:
    """The address of both."""
    return f"{adapters}, on {base}"


@dataclass(frozen=True)
class Adapters:
    """What a folder of adapters says of itself."""

    files: ModelFiles
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def base_at_hand(self) -> str:
        """Folder of the base that they were trained on.

        Raises:
            UserError: it is not at hand.
        """
        named = self.config.get("base_model_name_or_path")
        if isinstance(named, str) and named and is_local(self.files.address) and "://" not in named:
            folder = local_path(self.files.address)
            for place in (folder / named, folder.parent / named, folder.parent / Path(named).name):
                if (place / "config.json").is_file():
                    return str(place.resolve())
        asked = named if isinstance(named, str) and named else "BASE"
        guess = f"hf://{asked}" if re.fullmatch(r"[\w.-]+/[\w.-]+", asked) else asked
        raise UserError(
            f"base '{self.files.address}': it holds adapters, and the base they were trained on ('{asked}') is not "
            f"beside them; write `base: {self.files.address}, on {guess}`, or merge them by {self.merge_line()}."
        )

    def merge_line(self) -> str:
        """The line of Python that lets peft merge them."""
        cls = CLASSES.get(str(self.config.get("task_type")), "AutoPeftModel")
        source = self.files.address if is_local(self.files.address) else "FOLDER"
        load = f"from peft import {cls}; {cls}.from_pretrained('{source}')"
        return f"python -c \"{load}.merge_and_unload().save_pretrained('{source}-merged')\""


def look_at_adapters(files: ModelFiles) -> Adapters:
    """Look at a folder of adapters without their weights.

    Raises:
        UserError: they are none that can be merged here.
    """
    if ADAPTER_CONFIG not in files.sizes:
        raise UserError(
            f"base '{files.address}': it has no {ADAPTER_CONFIG}, and so holds no adapters; write `base: ADAPTERS, on "
            "BASE`, with the folder of a whole model at the end."
        )
    config = read_json(files, ADAPTER_CONFIG)
    found = Adapters(files, config, {})
    if ADAPTER_WEIGHTS not in files.sizes:
        pickle = next((name for name in files.sizes if name.endswith(".bin")), None)
        held = f"its weights are in {pickle}, a pickle, which is never opened" if pickle else "it has no weights"
        raise UserError(f"base '{files.address}': {held}; merge them by {found.merge_line()}.")
    found = Adapters(files, config, files.header(ADAPTER_WEIGHTS))
    kind = config.get("peft_type")
    start = config.get("init_lora_weights", True)
    why = ""
    if kind != "LORA":
        why = f"adapters of the kind {kind} are not merged here"
    elif config.get("use_dora") or any("lora_magnitude_vector" in name for name in found.tensors):
        why = "DoRA's adapters are not merged here"
    elif start not in PLAIN_STARTS:
        why = f"adapters that began as {start} change the base itself and are not merged here"
    elif odd := _unusual(config):
        why = f"adapters with {odd} are not merged here"
    if why:
        raise UserError(f"base '{files.address}': {why}; merge them by {found.merge_line()}.")
    return found


def _unusual(config: Mapping[str, Any]) -> str:
    asked = [key for key, value in config.items() if key.startswith("use_") and value and key != "use_rslora"]
    return next(iter([*asked, *(key for key in OTHERWISE if config.get(key))]), "")


@dataclass(frozen=True)
class Change:
    """What becomes of one tensor of the base."""

    replaced_by: str = ""
    """Name of the adapters' tensor that stands in its place."""
    down: str = ""
    up: str = ""
    """Names of A and B."""
    scale: float = 0.0
    transposed: bool = False
    """Whether the base holds the weight as [in, out]."""


def changes(adapters: Adapters, base: BaseFolder) -> dict[str, Change]:
    """What becomes of each tensor of `base` that the adapters change.

    Raises:
        UserError: they were not trained on it.
    """
    pairs: dict[str, dict[str, str]] = {}
    found: dict[str, Change] = {}
    lost: list[str] = []
    for name in adapters.tensors:
        path = name.removeprefix(WRAPPED)
        if part := PARTS.fullmatch(path):
            pairs.setdefault(part["path"], {})["up" if "_B" in part["part"] else "down"] = name
        elif target := _target(path, base):
            found[target] = Change(replaced_by=name)
        elif not _of_a_head(path):
            lost.append(path)
    for path, pair in pairs.items():
        target = _target(f"{path}.weight", base)
        if target is None or len(pair) < 2:
            if not _of_a_head(f"{path}."):
                lost.append(path)
            continue
        down, up = adapters.tensors[pair["down"]].shape, adapters.tensors[pair["up"]].shape
        shape, embedded = base.tensors[target].shape, "lora_embedding" in pair["down"]
        transposed = bool(adapters.config.get("fan_in_fan_out")) or embedded
        product = (up[0], down[1])
        if shape != (product[::-1] if transposed else product) or up[1] != down[0]:
            lost.append(path)
        found[target] = Change("", pair["down"], pair["up"], _scale(adapters.config, path, down[0]), transposed)
    if lost:
        raise UserError(
            f"base '{adapters.files.address}': {len(lost)} of its adapters do not fit '{base.files.address}' (first "
            f"{lost[0]}); name the base they were trained on: `base: ADAPTERS, on BASE`."
        )
    return found


def _of_a_head(path: str) -> bool:
    return bool(HEADS.match(path) or POOLER.search(path))


def _target(name: str, base: BaseFolder) -> str | None:
    """The tensor of the base that is meant by `name`, whichever of them has the backbone's name before it."""
    if name in base.tensors:
        return name
    ends = [one for one in base.tensors if one.endswith(f".{name}") or name.endswith(f".{one}")]
    if not ends and not _of_a_head(name):  # both have something before it: `bert.` here, `module.` there
        ends = [one for one in base.tensors if one.endswith(f".{name.partition('.')[2]}")]
    return ends[0] if len(ends) == 1 else None


def _scale(config: Mapping[str, Any], path: str, rank: int) -> float:
    patterns = config.get("alpha_pattern") or {}
    alpha = next(
        (value for pattern, value in patterns.items() if re.match(rf"(.*\.)?({pattern})$", path)),
        config.get("lora_alpha", 8),
    )
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def merge(
    tensors: "Mapping[str, torch.Tensor]", adapters: "Mapping[str, torch.Tensor]", made: Mapping[str, Change]
) -> "dict[str, torch.Tensor]":
    """The tensors of the base with the changes in them, in float32; others as they are."""
    merged = {}
    for name, tensor in tensors.items():
        change = made.get(name)
        if change is None:
            merged[name] = tensor
        elif change.replaced_by:
            merged[name] = adapters[change.replaced_by]
        else:
            delta = change.scale * (adapters[change.up].float() @ adapters[change.down].float())
            merged[name] = (tensor.float() + (delta.T if change.transposed else delta)).contiguous()
    return merged
