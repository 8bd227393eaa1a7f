"""A pytest plugin: nothing of what only the training image is asked to hold can be imported."""

import re
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import NoReturn


def only_in_training() -> set[str]:
    """Modules of the packages that the extra `training` names."""
    named = [text for text in metadata.requires("stillhouse") or [] if 'extra == "training"' in text]
    packages = {_name(re.split("[=><;]", text)[0]) for text in named}
    owners = {module: {_name(one) for one in found} for module, found in metadata.packages_distributions().items()}
    return {module for module, found in owners.items() if found <= packages}


def _name(package: str) -> str:
    return package.strip().lower().replace("_", "-")


class Refuse(MetaPathFinder):
    """Says of some modules that they are not there."""

    def __init__(self, modules: set[str]) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Refuse the listed ones, leave the others to the next finder."""
        if name.partition(".")[0] in self.modules:
            self.refuse(name)

    def refuse(self, name: str) -> NoReturn:
        """As Python does for what is not installed."""
        raise ModuleNotFoundError(f"No module named {name!r} in the light image", name=name)


def pytest_load_initial_conftests() -> None:
    """Refuse from here on: only where pytest was given this plugin, not where it is imported."""
    sys.meta_path.insert(0, Refuse(only_in_training()))
