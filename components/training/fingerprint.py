"""Where a training's checkpoints live: under a digest of all that it was made from."""

import hashlib
import json
from typing import Any


def fingerprint(step: str, settings: dict[str, Any], inputs: list[str]) -> str:
    """Digest of a step's name, settings and input digests: the same command finds its checkpoints again, on any machine."""
    text = json.dumps([step, settings, inputs], sort_keys=True, separators=(",", ":"))
    return f"{step}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
