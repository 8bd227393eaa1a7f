"""What a baseline is that may be promoted."""

from pathlib import Path
from typing import ClassVar, Protocol


class BaselineModel(Protocol):
    """A baseline that was fitted, and may be promoted: no network, and opened without what fitted it."""

    LOAD: ClassVar[str]
    """What model.json says under `load`: the task's `load` knows by it what to open."""

    @property
    def parameters(self) -> int:
        """Numbers that were learnt."""

    def save(self, folder: Path) -> None:
        """Write model.safetensors, and what else it takes, into `folder`."""
