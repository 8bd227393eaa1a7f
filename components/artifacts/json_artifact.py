"""What steps hand on as JSON: typed, and written as it was read."""

import json
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from stillhouse.components.config.settings import Settings, explain
from stillhouse.errors import UserError


class JsonArtifact(Settings):
    """Base of such a file and of its parts; instances do not change.

    An older release may have left out keys, a later one may add some: what is not in the file is not written into it,
    and keys that are not known here are kept.
    """

    model_config = ConfigDict(extra="allow")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The file at `path`.

        Raises:
            UserError: it is not what a step wrote.
        """
        return cls.from_json(path.read_bytes(), str(path))

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Self:
        """The file's content; `where` it lies, for the sentence.

        Raises:
            UserError: it is not what a step wrote.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            sentence = explain(error, cls, where)
            raise UserError(f"{sentence} Use the file as its step wrote it, or start the run again.") from None

    def to_file(self) -> bytes:
        """The content of the file, indented, in UTF-8."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False).encode()

    @model_serializer(mode="wrap")
    def _as_given(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in written(self).items() if name in self.model_fields_set}
