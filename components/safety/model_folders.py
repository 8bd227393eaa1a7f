"""What a model folder must not hold: code of its own, weights elsewhere, weights that are a pickle.

transformers is told the same each time (safetensors only, no remote code); this says it before anything is loaded, in
one sentence, and looks where transformers does not: an index of shards may name any file.
"""

import json
from pathlib import Path
from typing import Any

from stillhouse.errors import UserError

CONFIGS = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
"""Files that may name classes to import."""
CODE = {"auto_map", "custom_pipelines"}
"""Their keys that do."""


def refuse_unsafe(folder: Path) -> None:
    """Look at a model folder before it is loaded.

    Raises:
        UserError: a configuration asks for code of the model's own, the index of the weights names a file that is no
            safetensors file of this folder, or one of these is not a JSON object.
    """
    for name in CONFIGS:
        if CODE & read_object(folder / name).keys():
            raise UserError(
                f"model '{folder}': {name} asks for code of its own (auto_map), which is never run; "
                "take a model of an architecture that transformers has, and save it from there."
            )
    shards = read_object(folder / "model.safetensors.index.json").get("weight_map") or {}
    for shard in shards.values() if isinstance(shards, dict) else [shards]:
        if not (isinstance(shard, str) and shard.endswith(".safetensors") and Path(shard).name == shard):
            raise UserError(
                f"model '{folder}': model.safetensors.index.json names '{shard}', "
                "which is not a safetensors file of the folder; "
                "save the model with save_pretrained(folder)."
            )


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model folder; an empty one where there is no file.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"model '{path.parent}': {path.name} cannot be read ({error}); save the model again.") from None
    if not isinstance(found, dict):
        raise UserError(f"model '{path.parent}': {path.name} is not a JSON object; save the model again.")
    return found
