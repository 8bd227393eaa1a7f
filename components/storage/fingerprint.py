"""What a result was made from: digests of the code, and of a step with its settings and inputs."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from stillhouse.components import __file__ as components_file
from stillhouse.components.storage.digests import digest_json, sha256_file


@cache
def code_digest() -> str:
    """Digest of the sources of all steps as they are installed; what is compiled from them does not count."""
    root = Path(components_file).parent
    sources = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for path in (Path(folder, name) for name in names):
            sources[path.relative_to(root).as_posix()] = sha256_file(path)
    return digest_json(sources)


def fingerprint(step: str, settings: dict[str, Any], inputs: list[str]) -> str:
    """Where a training's checkpoints live: the same command finds them again on any machine, other code does not.

    Args:
        inputs: digests of what the step reads.
    """
    return f"{step}-{digest_json([step, settings, inputs, code_digest()])[:32]}"
