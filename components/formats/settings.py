"""How CSV files are written, where a recipe says so."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from stillhouse.components.config.settings import Settings

NONE = "none"
"""In place of a character: there is not any."""
_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", NONE: ""}


def _character(value: object) -> object:
    """A character by its name, or as it is."""
    return _NAMES.get(value.lower(), value) if isinstance(value, str) else value


def _one_character(value: str | None) -> str | None:
    if value is not None and (len(value) > 1 or not value.isascii() or value in ("\n", "\r", "\0")):
        raise ValueError("one ASCII character is needed, or a name such as tab or none")
    return value


Character = Annotated[str | None, BeforeValidator(_character), Field(default=None)]


class CsvSettings(Settings):
    """How CSV and TSV files are written; what is left out is found out for each file, and shown."""

    separator: Character = None
    """Between fields: a character, or tab, comma, semicolon, pipe, space."""
    quote: Character = None
    """Around a field that may hold separators, quotes (doubled) and line breaks; `none`: quotes are text."""
    escape: Character = None
    """Takes its meaning from the character that follows, mostly a backslash; `none`: backslashes are text."""
    header: bool | list[str] = True
    """Whether the first row names the columns. If not, they are called 1, 2, 3 and so on, or as listed here."""
    decimal: Literal[".", ","] | None = None
    """The mark before the fraction of a number."""
    thousands: Character = None
    """The mark between groups of three digits."""

    @model_validator(mode="after")
    def _check(self) -> "CsvSettings":
        for name in ("separator", "quote", "escape", "thousands"):
            try:
                _one_character(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        if self.separator == "":
            raise ValueError("separator: there must be one; a file of one column needs no setting")
        given = [mark for mark in (self.separator, self.quote, self.escape) if mark]
        if len(set(given)) < len(given):
            raise ValueError("separator, quote and escape must differ")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("decimal and thousands must differ")
        return self
