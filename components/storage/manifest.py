"""The manifest of a folder in a store: the name, size and SHA-256 of each file. It is written last.

A folder without its manifest was not written to the end, and counts as not there.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stillhouse.components.storage.digests import files_below, sha256_file
from stillhouse.components.storage.names import check_name, refuse_links_out
from stillhouse.errors import UserError

MANIFEST = "manifest.json"


class Corrupt(UserError):
    """What the store holds is not what was put there."""


class FileDigest(BaseModel):
    """What a file must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @classmethod
    def of(cls, path: Path) -> Self:
        """Size and digest of the file at `path`."""
        return cls(size=path.stat().st_size, sha256=sha256_file(path))

    def check(self, found: Self, address: str) -> None:
        """Compare with what was `found` at `address`.

        Raises:
            Corrupt: it is something else.
        """
        if found != self:
            what = f"{found.size:,} bytes with sha256 {found.sha256[:12]}"
            wanted = f"{self.size:,} with {self.sha256[:12]}"
            raise Corrupt(f"'{address}' is damaged: {what} instead of {wanted}; put its folder there again.")


class Manifest(BaseModel):
    """All files of a folder, by their names relative to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    files: dict[str, FileDigest]

    @classmethod
    def parse(cls, data: bytes, where: str) -> Self:
        """Read a stored manifest, whose names are still to be checked; `where` is its address.

        Raises:
            Corrupt: `data` is not a manifest.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError:
            raise Corrupt(f"'{where}' is not a manifest; put the folder into the store again.") from None

    def dump(self) -> bytes:
        """The manifest as it is stored."""
        return self.model_dump_json(indent=1).encode()

    def matches(self, folder: Path) -> bool:
        """Whether `folder` holds exactly these files (its own manifest aside), byte for byte."""
        found = {name: path for name, path in files_below(folder) if name != MANIFEST}
        return found.keys() == self.files.keys() and all(
            found[name].stat().st_size == expected.size and sha256_file(found[name]) == expected.sha256
            for name, expected in self.files.items()
        )


def files_to_put(folder: Path) -> list[tuple[str, Path]]:
    """Names and paths of the files that belong into the manifest of `folder`.

    Raises:
        UserError: `folder` is not a folder, has a link that leads out of it, or a name that a store cannot keep.
    """
    if not folder.is_dir():
        raise UserError(f"'{folder}' is not a folder; check the path.")
    refuse_links_out(folder)
    files = files_below(folder)
    for name, _ in files:
        check_name(name, f"'{folder}'")
        if name == MANIFEST:
            raise UserError(f"'{folder}' has a '{MANIFEST}', a name the store keeps for its own; rename it.")
    return files
