"""What programs put beside and around their data files: notes of the Hugging Face library, Hive's folders."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

NOTES = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json"}
"""What the Hugging Face library writes beside data."""
STATE = "state.json"
"""Where `Dataset.save_to_disk` notes which files of its folder count."""
_PARTITION = re.compile(r"([^=]+)=(.*)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def without_notes(files: Iterable[Path]) -> list[Path]:
    """The files that hold rows: no notes, and of a folder of `save_to_disk` those that its `state.json` names."""
    files = list(files)
    counted = {path.parent: names for path in files if path.name == STATE and (names := _files_of_state(path))}
    return [
        path
        for path in files
        if path.name not in NOTES and (path.parent not in counted or path.name in counted[path.parent])
    ]


def _files_of_state(path: Path) -> set[str] | None:
    """The files that a state.json names; None where it is another kind of file."""
    try:
        return {str(file["filename"]) for file in json.loads(path.read_bytes())["_data_files"]}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def partition_values(path: Path) -> dict[str, str | None]:
    """The columns that folders named `key=value` tell for all rows of a file, as Hive and Spark write them."""
    found = [match for part in path.parent.parts if (match := _PARTITION.fullmatch(part))]
    return {match[1]: None if match[2] == _NO_VALUE else unquote(match[2]) for match in found}
