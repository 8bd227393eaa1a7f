"""What the names in a folder tell: which files are data, and whether they are some program's table."""

from collections.abc import Iterable

from stillhouse.errors import UserError

HIDDEN = (".", "_")
"""What names of files and folders begin with that are not data: dots, and Spark's `_temporary` and `_SUCCESS`."""
LOGS = {"_delta_log": "a Delta table", ".hoodie": "a Hudi table"}
"""Folders in which table formats keep what of their files counts."""


def is_data(name: str) -> bool:
    """Whether a file of that name, relative to its source, may be data; a partition `_key=value` is."""
    return not any(part.startswith(HIDDEN) and "=" not in part for part in name.split("/"))


def data_names(names: Iterable[str], source: str) -> list[str]:
    """Those of the names that may be data.

    Raises:
        UserError: the files are those of a table format: rows that were deleted are still in them.
    """
    names = list(names)
    if kind := _table_format(names):
        raise UserError(
            f"source '{source}' is {kind}, in whose files deleted rows still are; write its current rows to a folder "
            "of Parquet files, and name that."
        )
    return [name for name in names if is_data(name)]


def _table_format(names: list[str]) -> str | None:
    for name in names:
        parts = name.split("/")
        if found := next((LOGS[part] for part in parts[:-1] if part in LOGS), None):
            return found
        if parts[-1].endswith(".metadata.json") and parts[-2:-1] == ["metadata"]:
            return "an Iceberg table"
    return None
