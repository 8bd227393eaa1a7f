"""What a look at an installation has found: a line of `stillhouse doctor`, made here or in its pod."""

from typing import Literal

from pydantic import field_validator

from stillhouse.components.config.settings import Settings
from stillhouse.errors import presentable

Level = Literal["ok", "warning", "failure", "not checked"]


class Finding(Settings):
    """One line: what was looked at, how it stands, and in a sentence why and what fixes it."""

    check: str = ""
    """Filled in by whoever runs the check."""
    level: Level
    text: str

    @field_validator("text")
    @classmethod
    def _is_presentable(cls, text: str) -> str:
        return presentable(text)

    def of(self, check: str) -> "Finding":
        """The same, as a finding of that check."""
        return self.model_copy(update={"check": check})


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(level="ok", text=text)


def warning(text: str) -> Finding:
    """It runs, and something about it should be known."""
    return Finding(level="warning", text=text)


def failure(text: str) -> Finding:
    """A run would fail."""
    return Finding(level="failure", text=text)


def not_checked(text: str) -> Finding:
    """It could not be looked at; `text` says why, and names the right that is missing."""
    return Finding(level="not checked", text=text)
