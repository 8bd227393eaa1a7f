"""Whether a base's tensors are those of its architecture: each is used, and none is made up.

transformers leaves random what a file does not hold, and drops what it does not know, without an error. So a model of
the same class is loaded on torch's meta device, which holds names and shapes but no values, by transformers' own
loading, with all that it renames and ties; what it reports is judged.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

from stillhouse.components.models import lstm as lstm  # makes transformers know our own
from stillhouse.components.models.architectures import HEADS, IMAGES, POOLER
from stillhouse.components.models.quiet import quiet
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from stillhouse.components.storage.safetensors_header import Tensor

WRAPPERS = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What torch.compile, FSDP and activation checkpointing put into names."""
WRAPPED = re.compile(r"^((module|model|encoder_model)\.)+")
"""What stands before the names of heads, where it stands before the backbone's."""
LEGACY = {"gamma": "weight", "beta": "bias"}
"""How TensorFlow's checkpoints named what LayerNorm learns."""
IGNORED = re.compile(r"(position_ids|token_type_ids|rotary_emb\.inv_freq|attn\.(masked_)?bias|\.rotary_pos_emb\..*)$")
"""Buffers that older versions of transformers wrote; they hold nothing that is learnt."""
LOADING = {"local_files_only", "trust_remote_code", "use_safetensors", "dtype", "ignore_mismatched_sizes"}
"""Options of `from_pretrained` that are not of the configuration."""
SHARDS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
"""Files of a model's weights."""
REASON_LENGTH = 200
"""Characters of what transformers says of a configuration that does not hang together."""
SHOWN = 3


@dataclass(frozen=True)
class Account:
    """How a base's tensors and those of its architecture meet."""

    used: int
    """Tensors of the backbone that come from the base: all that it has."""
    prefix: str
    """What stood before the names, and was taken off."""
    new: tuple[str, ...]
    """Tensors of the backbone's pooler that are not in the base and begin anew."""
    left_over: tuple[str, ...]
    """Tensors of the base that are neither of the backbone nor of a known head."""

    def notes(self) -> list[str]:
        """What a run says of it."""
        notes = []
        if self.prefix:
            notes.append(f"Its tensors are named with '{self.prefix}' before them, which is taken off.")
        if self.left_over:
            notes.append(f"Of its tensors {len(self.left_over)} are not used ({_first(self.left_over)}).")
        return notes


def account(config: Mapping[str, Any], tensors: Mapping[str, "Tensor"], address: str) -> Account:
    """Compare the tensors of a base with its architecture's.

    Args:
        config: its config.json.
        tensors: of its safetensors headers.
        address: of the base, for the sentences.

    Raises:
        UserError: tensors are missing, are left over within the backbone, or have another shape.
    """
    quiet()
    settings = _config(config, address)
    auto = AutoModelForImageClassification if settings.model_type in IMAGES else AutoModelForSequenceClassification
    model_class = _class_for(auto, settings)
    prefix, _, model, info = fit(model_class, settings, tensors, address)
    return judge(model, info, prefix, address)


def _class_for(auto: Any, config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class that `auto` picks for a configuration.

    Raises:
        KeyError: there is none.
    """
    if auto is not AutoModelForImageClassification:
        return auto._model_mapping[type(config)]
    from stillhouse.components.models.image_networks import class_of

    return class_of(config)


def fit(
    model_class: type[PreTrainedModel], config: PreTrainedConfig, tensors: Mapping[str, "Tensor"], address: str
) -> tuple[str, dict[str, str], PreTrainedModel, dict[str, Any]]:
    """How the tensors go into a model of that class: as they are, or without what stands before their names.

    Returns:
        What is taken off; each tensor's name without it; the model on the meta device; transformers' report.

    Raises:
        UserError: the base holds the backbone twice.
    """
    plain = {name: name for name in tensors}
    model, info = _on_meta(model_class, config, tensors, plain, address)
    if not _lost(model, info):
        return "", plain, model, info
    prefix, renamed = rename(model, tensors, address)
    model, info = _on_meta(model_class, config, tensors, renamed, address)
    tied = _embeddings_as_head(model, _lost(model, info), renamed)
    if not tied:
        return prefix, renamed, model, info
    renamed = {name: tied.get(plain, plain) for name, plain in renamed.items()}
    return prefix, renamed, *_on_meta(model_class, config, tensors, renamed, address)


def _embeddings_as_head(model: PreTrainedModel, lost: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """Name of a head's weight by which the embeddings were saved; safetensors' `save_model` keeps one of the two names
    of a weight that the model uses twice."""
    embeddings = model.get_input_embeddings()
    own = [f"{name}.weight" for name, module in model.named_modules() if module is embeddings]
    if not model.config.tie_word_embeddings or list(lost) != own:
        return {}
    return {plain: own[0] for plain in names.values() if plain.endswith("lm_head.weight")}


def _on_meta(
    model_class: type[PreTrainedModel],
    config: PreTrainedConfig,
    tensors: Mapping[str, "Tensor"],
    names: Mapping[str, str],
    address: str,
) -> tuple[PreTrainedModel, dict[str, Any]]:
    given = {names[name]: torch.empty(tensor.shape, device="meta") for name, tensor in tensors.items()}
    options: dict[str, Any] = {"device_map": "meta", "dtype": "float32", "ignore_mismatched_sizes": True}
    try:
        loaded: Any = model_class.from_pretrained(
            None, config=config, state_dict=given, output_loading_info=True, **options
        )
    except Exception as error:  # each class checks its configuration in its own way, by assertions too
        raise _of_config(config.model_type, error, address) from None
    return loaded


def _lost(model: PreTrainedModel, info: Mapping[str, Any]) -> list[str]:
    """Tensors of the backbone that are not in the base."""
    own, head = f"{model.base_model_prefix}.", _head(model)
    missing = info["missing_keys"] - head
    return sorted(name for name in missing if name.startswith(own) and not POOLER.search(name))


def _head(model: PreTrainedModel) -> set[str]:
    """Names of the output layer's parameters where it lies within the backbone, as in timm's networks."""
    layer = getattr(model, "output_layer", None)
    if layer is None:
        return set()
    return {f"{name}.{own}" for name, module in model.named_modules() if module is layer for own in ("weight", "bias")}


def _config(config: Mapping[str, Any], address: str) -> PreTrainedConfig:
    if config["model_type"] in IMAGES:
        from stillhouse.components.models import image_networks as image_networks  # makes transformers know our own
    try:
        found = CONFIG_MAPPING[config["model_type"]].from_dict(dict(config))
    except Exception as error:  # as above
        raise _of_config(config["model_type"], error, address) from None
    return _for_any_machine(found)


def _for_any_machine(config: PreTrainedConfig) -> PreTrainedConfig:
    """Without the attention kernel that some config.json name: it says how a machine computes, and not what."""
    config._attn_implementation = None
    return config


def _of_config(kind: str, error: Exception, address: str) -> UserError:
    reason = shorten(str(error), REASON_LENGTH, placeholder=" …").rstrip(".") or type(error).__name__
    return UserError(f"base '{address}': its config.json does not make a {kind} ({reason}); correct it.")


def rename(model: PreTrainedModel, tensors: Iterable[str], address: str) -> tuple[str, dict[str, str]]:
    """What stands before the names of a base beyond its architecture's, and each tensor's name without it.

    Raises:
        UserError: the base holds the backbone twice.
    """
    wanted, own = set(model.base_model.state_dict()), f"{model.base_model_prefix}."
    unwrapped = {name: WRAPPERS.sub("", name) for name in tensors}
    counts = Counter(prefix for name in unwrapped.values() for prefix in _prefixes(_modern(name), wanted))
    ranked = sorted(counts.items(), key=lambda found: (-found[1], found[0] not in ("", own), len(found[0])))
    prefix = ranked[0][0] if ranked else ""
    rivals = [other for other, count in ranked[1:] if 2 * count > ranked[0][1] and count > len(wanted) // 2]
    if rivals and prefix not in ("", own):
        raise UserError(
            f"base '{address}': it holds the model twice, under '{prefix}' and under '{rivals[0]}'; save the one that "
            "is meant with save_pretrained."
        )
    if prefix in ("", own) or prefix.endswith(f".{own}"):
        outer = prefix.removesuffix(own)
        named = {name: plain.removeprefix(outer) for name, plain in unwrapped.items()}
    else:  # the backbone alone, under a name of its own: what does not stand below that is none of it
        named = {
            name: f"{own}{plain.removeprefix(prefix)}" if plain.startswith(prefix) else plain
            for name, plain in unwrapped.items()
        }
        outer = prefix
    return _taken_off(named, outer, own), named


def _taken_off(named: Mapping[str, str], prefix: str, own: str) -> str:
    """What people are told was taken off, wrappers before and behind it included."""
    for name, plain in named.items():
        if found := WRAPPERS.search(name):
            end = next((end for end in (plain, plain.removeprefix(own)) if name.endswith(end)), None)
            return f"{found[1]}." if end is None else name.removesuffix(end)
    return prefix


def _prefixes(name: str, wanted: set[str]) -> Iterable[str]:
    """What stands before a name of `wanted` in `name`: the longest of these names counts."""
    parts = name.split(".")
    for start in range(len(parts)):
        if ".".join(parts[start:]) in wanted:
            yield "".join(f"{part}." for part in parts[:start])
            return


def _modern(name: str) -> str:
    head, dot, last = name.rpartition(".")
    return f"{head}{dot}{LEGACY.get(last, last)}"


def load(auto: Any, folder: str, **options: Any) -> PreTrainedModel:
    """The model in a local folder, of the class that `auto` picks; it has all tensors of its backbone from there.

    Args:
        auto: AutoModelForSequenceClassification or its kin, or the class itself.
        folder: of the model, checked before (`base_folder.look_at`).
        options: of `from_pretrained`.

    Raises:
        UserError: as `account`.
    """
    from stillhouse.components.storage.model_files import model_files

    quiet()
    settings = {name: value for name, value in options.items() if name not in LOADING}
    config = _for_any_machine(
        AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **settings)
    )
    model_class: Any = auto if issubclass(auto, PreTrainedModel) else _class_for(auto, config)
    files = model_files(folder)
    names = [name for name in sorted(files.sizes) if SHARDS.fullmatch(name)]
    tensors = {name: tensor for file in names for name, tensor in files.header(file).items()}
    prefix, renamed, _, _ = fit(model_class, config, tensors, folder)
    given = {name: value for name, value in options.items() if name in LOADING} | {"output_loading_info": True}
    if all(name == plain for name, plain in renamed.items()):
        model, info = model_class.from_pretrained(folder, config=config, **given)
    else:  # not by transformers' key_mapping: `save_pretrained` would put the prefix back
        read = (load_file(Path(folder) / file) for file in names)
        weights = {renamed[name]: tensor for part in read for name, tensor in part.items()}
        model, info = model_class.from_pretrained(None, config=config, state_dict=weights, **given)
    judge(model, info, prefix, folder)
    return model


def judge(model: PreTrainedModel, info: Mapping[str, Any], prefix: str, address: str) -> Account:
    """What transformers' report on a loading means.

    Args:
        model: what was loaded.
        info: `output_loading_info` of it.
        prefix: that was taken off before.
        address: of the base, for the sentences.

    Raises:
        UserError: as `account`.
    """
    own = f"{model.base_model_prefix}."
    head = _head(model)
    backbone = [name for name, _ in model.named_parameters() if name.startswith(own) and name not in head]
    body = [name for name in backbone if not POOLER.search(name)]
    lost = _lost(model, info)
    unexpected = sorted(name for name in info["unexpected_keys"] if not IGNORED.search(name))
    if len(lost) == len(body):
        raise UserError(
            f"base '{address}': none of the {len(body)} tensors of a {type(model.base_model).__name__} is in it "
            f"(it holds {_first(unexpected)}); save the model again with save_pretrained of transformers."
        )
    if lost:
        raise UserError(
            f"base '{address}': {len(lost)} of the {len(body)} tensors of its architecture are not in it "
            f"({_first(lost)}); save the whole model again, or correct config.json if the model is smaller."
        )
    for name, there, wanted in sorted(_mismatched(info), key=lambda found: found[0]):
        if name.startswith(own) and name not in head:
            raise UserError(
                f"base '{address}': its {name} has the shape {list(there)}, and config.json asks for {list(wanted)}; "
                "correct config.json, or save the model again with save_pretrained."
            )
    inside = [name for name in unexpected if _is_inside(name, model) and not HEADS.match(name.removeprefix(own))]
    if inside:
        raise UserError(
            f"base '{address}': {len(inside)} tensors within its backbone are not of its architecture "
            f"({_first(inside)}); correct config.json if the model is larger, or save it again without them."
        )
    new = tuple(sorted(name for name in info["missing_keys"] if name in backbone and POOLER.search(name)))
    left_over = tuple(name for name in unexpected if not HEADS.match(WRAPPED.sub("", name).removeprefix(own)))
    return Account(len(backbone) - len(new), prefix, new, left_over)


def _mismatched(info: Mapping[str, Any]) -> list[tuple[str, Iterable[int], Iterable[int]]]:
    return [(entry[0], entry[1], entry[2]) for entry in info["mismatched_keys"]]


def _is_inside(name: str, model: PreTrainedModel) -> bool:
    """Whether a name is below the backbone, or one of the backbone's parts where they have no name before them."""
    parts = {child for child, _ in model.base_model.named_children()}
    return name.startswith(f"{model.base_model_prefix}.") or name.partition(".")[0] in parts


def _first(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "") if found else "nothing"
