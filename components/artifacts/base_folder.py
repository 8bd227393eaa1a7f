"""A base model as it lies there: its layout, what its config.json and headers say, and what cannot be used.

Nothing here needs torch or reads weights: inspect looks so at a base in the light image, wherever it is.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stillhouse.components.artifacts.base_tokenizer import check_tokenizer
from stillhouse.components.models.architectures import DECODERS, ENCODERS, IMAGES, RECURRENT, TIMM, why_not
from stillhouse.components.safety.model_folders import CODE, CONFIGS
from stillhouse.components.storage.model_files import ModelFiles
from stillhouse.components.storage.safetensors_header import Tensor
from stillhouse.errors import UserError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PREPROCESSING = "preprocessor_config.json"
SHOWN_BY_TIMM = "pretrained_cfg"
"""Key of config.json under which timm says how pictures are shown."""
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FLOATS = {"F64", "F32", "F16", "BF16"}
"""Types of tensors that weights may have; they are taken as float32."""
PACKED = re.compile(r"\.(qweight|qzeros|weight_packed|weight_scale|SCB|absmax|quant_map|scales)$")
"""Names that only quantised weights have."""
NETWORKS = ("transformers", "nothing")
"""What model.json says under `load` of models that are no baseline; the second where nothing was pretrained."""
QUANTISED = ("quantization_config", "compression_config")
"""Keys of config.json that quantised models have."""
QUANTISED_FILES = ("quantize_config.json", "quant_config.json")
LFS = b"version https://git-lfs"
"""What stands in a file that git has not fetched."""
TRANSFORMERS = {"Transformer", "BERT", "RoBERTa", "XLMRoBERTa", "DistilBERT", "ALBERT", "CamemBERT"}
"""Modules of sentence-transformers that are a model of transformers; its first versions named the architecture."""
CLASS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class BaseFolder:
    """What is known of a base without its weights."""

    files: ModelFiles
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    inside: str = ""
    """Folder within it that holds the model, with a '/' at its end; of older sentence-transformers."""
    notes: tuple[str, ...] = field(default=())
    """What the run says of it, as sentences."""

    @property
    def kind(self) -> str:
        """Its model_type."""
        return str(self.config["model_type"])

    @property
    def reads(self) -> str:
        """What it is given, as a field of a task calls it: text or image."""
        return "image" if self.kind in IMAGES else "text"

    @property
    def architecture(self) -> str:
        """Its class and model_type, for people."""
        named = self.config.get("architectures")
        return f"{named[0]} ({self.kind})" if isinstance(named, list) and named else self.kind


def look_at(files: ModelFiles, *, tokenizer: bool = True) -> BaseFolder:
    """Look at a base model's folder.

    Args:
        files: of the folder.
        tokenizer: Whether it must have one; that of adapters is asked for apart.

    Raises:
        UserError: it is of a layout, an architecture or a kind of weights that is not taken, or is not whole; with the
            fix.
    """
    inside, notes = _transformer_of(files)
    names = {name.removeprefix(inside) for name in files.sizes if name.startswith(inside)}
    if "config.json" not in names:
        raise _without_config(files, names, inside)
    config = read_json(files, f"{inside}config.json")
    if SHOWN_BY_TIMM in config and "model_type" not in config:  # as timm writes it
        config = {**config, "model_type": TIMM}
    _check_config(files, config, inside)
    tensors = _tensors(files, config, names, inside)
    _check_types(files, tensors)
    if config["model_type"] in IMAGES:
        _check_preprocessing(files, names, config)
    elif tokenizer:
        check_tokenizer(files, inside, config)
    return BaseFolder(files, config, tensors, inside, notes)


def _check_preprocessing(files: ModelFiles, names: set[str], config: Mapping[str, Any]) -> None:
    if PREPROCESSING not in names and SHOWN_BY_TIMM not in config:
        raise _refused(
            files,
            f"it has no {PREPROCESSING}, which says how its pictures were resized and scaled; copy it from where the "
            "weights come from",
        )


def is_adapter(files: ModelFiles) -> bool:
    """Whether the folder holds adapters and not a whole model."""
    return ADAPTER_CONFIG in files.sizes and not {WEIGHTS, INDEX} & files.sizes.keys()


def is_of_own_architecture(files: ModelFiles) -> bool:
    """Whether the folder holds a network that Stillhouse trained for a task and that is no architecture of
    transformers or timm, as of tables and recommenders: the task alone can tell whether it is whole."""
    if not {"model.json", "config.json", WEIGHTS} <= files.sizes.keys() or is_baseline(files):
        return False
    made_for = read_json(files, "model.json").get("task")
    return bool(made_for and why_not(read_json(files, "config.json").get("model_type")))


def is_baseline(files: ModelFiles) -> bool:
    """Whether the folder holds a baseline, such as TF-IDF with a linear model, which Stillhouse made."""
    return "model.json" in files.sizes and read_json(files, "model.json").get("load") not in (None, *NETWORKS)


def read_json(files: ModelFiles, name: str) -> dict[str, Any]:
    """A JSON object of the folder.

    Raises:
        UserError: it is not one.
    """
    try:
        found = json.loads(files.read(name).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refused(files, f"{name} cannot be read ({error}); save or copy the model again") from None
    if not isinstance(found, dict):
        raise _refused(files, f"{name} is not a JSON object; save the model again")
    return found


def _transformer_of(files: ModelFiles) -> tuple[str, tuple[str, ...]]:
    """Where a folder of sentence-transformers holds its Transformer, "" for others; and what of it is left out."""
    if "modules.json" not in files.sizes:
        return "", ()
    try:
        modules = json.loads(files.read("modules.json"))
        parts = [(str(module["type"]).rpartition(".")[2], str(module.get("path", ""))) for module in modules]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _refused(files, "modules.json is not a list of modules; save the model again") from None
    found = [path.strip("/") for kind, path in parts if kind in TRANSFORMERS]
    if len(found) != 1:
        kinds = ", ".join(kind for kind, _ in parts)
        raise _refused(files, f"modules.json names {kinds}, not one Transformer; take a base that is one transformer")
    if ".." in found[0].split("/"):
        raise _refused(files, f"modules.json names '{found[0]}', outside of the folder; save the model again")
    left = [kind for kind, _ in parts if kind not in {*TRANSFORMERS, "Normalize"}]
    note = f"Of its parts the Transformer is used; {', '.join(left)}: a new head stands in their place."
    return f"{found[0]}/" if found[0] else "", (note,) if left else ()


def _check_config(files: ModelFiles, config: Mapping[str, Any], inside: str) -> None:
    for name in CONFIGS:
        if f"{inside}{name}" in files.sizes and CODE & read_json(files, f"{inside}{name}").keys():
            raise _refused(
                files,
                f"{name} asks for code of its own (auto_map), which is never run; take a model of an architecture that "
                "transformers has, and save it from there",
            )
    quantised = next((config[key] for key in QUANTISED if config.get(key)), None)
    if quantised or any(f"{inside}{name}" in files.sizes for name in QUANTISED_FILES):
        method = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise _quantised(files, f"its weights are quantised ({method})" if method else "its weights are quantised")
    if why := why_not(config.get("model_type")):
        raise _refused(files, why)
    if config["model_type"] in ENCODERS and config.get("is_decoder"):
        raise _refused(
            files,
            "config.json says is_decoder, with which its first token sees no other; take that key out, or a base"
            " that was trained as an encoder",
        )
    if config.get("transformers_weights") not in (None, WEIGHTS):
        raise _refused(files, "config.json names another file for its weights (transformers_weights); take that out")


def _tensors(files: ModelFiles, config: Mapping[str, Any], names: set[str], inside: str) -> dict[str, Tensor]:
    """Names, shapes and types of all tensors, from the headers."""
    if WEIGHTS in names:
        if ADAPTER_CONFIG in names:
            raise _refused(
                files,
                f"it holds a whole model ({WEIGHTS}) and adapters ({ADAPTER_CONFIG}), and nothing says whether they "
                "are merged; take out what does not belong there",
            )
        return _header(files, f"{inside}{WEIGHTS}")
    if INDEX not in names:
        raise _without_weights(files, config, names, inside)
    shards = read_json(files, f"{inside}{INDEX}").get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
        raise _refused(files, f"{INDEX} has no weight_map; save the model again")
    wanted = sorted(set(shards.values()))
    for shard in wanted:
        if not shard.endswith(".safetensors") or "/" in shard:
            raise _refused(
                files, f"{INDEX} names '{shard}', not a safetensors file of the folder; save it with save_pretrained"
            )
    missing = [shard for shard in wanted if shard not in names]
    if missing:
        raise _refused(
            files,
            f"of the {len(wanted)} files that {INDEX} names, {len(missing)} are not there (first {missing[0]}); "
            "copy them too",
        )
    found = {name: tensor for shard in wanted for name, tensor in _header(files, f"{inside}{shard}").items()}
    lost = [name for name in shards if name not in found]
    if lost:
        raise _refused(files, f"{INDEX} names {len(lost)} tensors that no file holds (first {lost[0]}); save it again")
    return found


def _header(files: ModelFiles, name: str) -> dict[str, Tensor]:
    if files.sizes[name] < 1024 and files.read(name).startswith(LFS):
        raise _refused(files, f"{name} is a pointer of git-lfs and not the weights; run `git lfs pull` there")
    return files.header(name)


def _check_types(files: ModelFiles, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        odd = tensor.dtype not in FLOATS and (name.endswith("weight") or tensor.dtype.startswith("F"))
        if odd or PACKED.search(name):
            raise _quantised(files, f"its weights are quantised ({name} is {tensor.dtype})")


def _without_config(files: ModelFiles, names: set[str], inside: str) -> UserError:
    if gguf := next((name for name in sorted(names) if name.endswith(".gguf")), None):
        return _refused(files, f"{gguf} is GGUF, which is not read; {_convert_gguf(files, inside, gguf)}")
    if not files.sizes:
        return UserError(f"base '{files.address}' does not exist, or holds no file; check the address.")
    if is_baseline(files):
        kind = read_json(files, "model.json")["load"]
        what = {"tfidf_linear": "TF-IDF with a linear model"}.get(kind, f"a baseline ({kind})")
        return _refused(files, f"it is {what}, which has no weights to start from; name a transformer instead")
    if inside and not names:
        return _refused(
            files, f"modules.json names '{inside}', which is not there; copy it too, or save the model again"
        )
    if inside and ADAPTER_CONFIG in names:
        return _refused(files, f"its Transformer is adapters; name the folder itself, '{files.address}/{inside}'")
    held = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
    return _refused(
        files, f"it has no config.json (it holds {held}); name the folder that save_pretrained of transformers wrote"
    )


def _without_weights(files: ModelFiles, config: Mapping[str, Any], names: set[str], inside: str) -> UserError:
    def named(*ends: str) -> str | None:
        return next((name for name in sorted(names) if name.endswith(ends) and "/" not in name), None)

    named_class = config.get("architectures")
    found = named_class[0] if isinstance(named_class, list) and named_class else ""
    cls = found if isinstance(found, str) and CLASS_NAME.fullmatch(found) else "AutoModel"
    if pickle := named("pytorch_model.bin", "pytorch_model.bin.index.json", ".bin", ".pt", ".pth", ".ckpt"):
        return _refused(
            files, f"its weights are in {pickle}, a pickle, which is never opened; {_convert(files, inside, cls)}"
        )
    if other := named("tf_model.h5", "tf_model.h5.index.json", ".msgpack", ".ckpt.index"):
        what, option = ("Flax", "from_flax") if other.endswith(".msgpack") else ("TensorFlow", "from_tf")
        mend = _convert(files, inside, cls, f", {option}=True")
        return _refused(files, f"its weights are those of {what} ({other}); with transformers 4, {mend}")
    if gguf := named(".gguf"):
        return _refused(files, f"its weights are in {gguf}, which is not read; {_convert_gguf(files, inside, gguf)}")
    if onnx := named(".onnx"):
        return _refused(files, f"it holds {onnx}, which cannot be trained on; take the model it was made from")
    if other := named(".safetensors"):
        return _refused(files, f"it holds {other} and not {WEIGHTS}; save it again, or name the file so")
    return _refused(files, f"it has no {WEIGHTS}; save it with save_pretrained(folder)")


def _convert(files: ModelFiles, inside: str, cls: str, option: str = "") -> str:
    source, target = _places(files, inside)
    line = f"from transformers import {cls}; {cls}.from_pretrained('{source}'{option}).save_pretrained('{target}')"
    if source == target:
        return f'convert them by python -c "{line}"'
    line = line.replace(f"import {cls}", f"import AutoTokenizer, {cls}")
    line += f"; AutoTokenizer.from_pretrained('{source}').save_pretrained('{target}')"
    return f'convert them by python -c "{line}" and name the new folder'


def _convert_gguf(files: ModelFiles, inside: str, name: str) -> str:
    source, target = _places(files, inside)
    target = f"{target}-converted" if source == target else target
    line = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer; [cls.from_pretrained("
        f"'{source}', gguf_file='{name}').save_pretrained('{target}') for cls in (AutoModelForCausalLM, AutoTokenizer)]"
    )
    return f'convert it by python -c "{line}" and name the new folder'


def _places(files: ModelFiles, inside: str) -> tuple[str, str]:
    """Where a line of Python reads the model, and where it writes it."""
    if "://" not in files.address:
        folder = f"{files.address}/{inside}".rstrip("/")
        return folder, folder
    if files.address.startswith("hf://"):
        name = files.address.removeprefix("hf://").partition("@")[0]
        return name, name.rpartition("/")[2]
    return "FOLDER", "FOLDER"


def _quantised(files: ModelFiles, what: str) -> UserError:
    return _refused(files, f"{what} and cannot be trained on; take the model in float32, float16 or bfloat16")


def _refused(files: ModelFiles, why: str) -> UserError:
    return UserError(f"base '{files.address}': {why}.")


def check_objective(base: BaseFolder, objective: str) -> None:
    """Whether the base reads in the direction that pretraining needs.

    Raises:
        UserError: it does not.
    """
    wanted = {"masked_lm": ENCODERS, "next_word": DECODERS | RECURRENT}.get(objective)
    if wanted is not None and base.kind not in wanted:
        other = "masked_lm" if base.kind in ENCODERS else "next_word"
        raise _refused(
            base.files,
            f"it is a {base.kind}, which pretraining by {objective} is not for; set pretrain.objective to "
            f"{other} or none",
        )
