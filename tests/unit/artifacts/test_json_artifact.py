"""Files of another release are read as far as they are known, and lose nothing."""

from pathlib import Path

import pytest

from stillhouse.components.artifacts.json_artifact import JsonArtifact
from stillhouse.errors import UserError


class Part(JsonArtifact):
    """A part of a file."""

    rows: int
    share: float = 1.0


class Whole(JsonArtifact):
    """A file."""

    name: str
    parts: dict[str, Part]
    notes: tuple[str, ...] = ()


def test_what_is_read_is_written_again_with_keys_that_are_not_known_and_without_those_that_were_left_out() -> None:
    text = '{"name":"a","parts":{"b":{"rows":3,"later":[1,null]}},"newer":{"deep":1.5}}'
    whole = Whole.from_json(text.encode(), "a.json")

    assert (whole.parts["b"].rows, whole.parts["b"].share, whole.notes) == (3, 1.0, ())
    assert whole.model_dump_json() == text


def test_what_is_changed_is_written() -> None:
    part = Part(rows=3).model_copy(update={"share": 0.5})

    assert part.model_dump() == {"rows": 3, "share": 0.5}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"name": "a"}', "'parts' is missing; add it."),
        (
            b'{"name": "a", "parts": {"b": {"rows": "many"}}}',
            "'parts.b.rows' is 'many', but input should be a valid integer, unable to parse string as an integer.",
        ),
    ],
)
def test_a_file_that_no_step_wrote_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        Whole.from_json(data, "run/a.json")

    assert str(caught.value) == (f"run/a.json: {sentence} Use the file as its step wrote it, or start the run again.")


def test_half_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"name": "a", ')

    with pytest.raises(UserError, match=r"a\.json: 'the document' is .*invalid JSON"):
        Whole.from_file(tmp_path / "a.json")
