"""A first look at a recipe's data, before anything is started: is it there, and has it the columns?"""

from collections.abc import Callable
from pathlib import Path

from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.layouts import data_names
from stillhouse.components.storage.memory import Budget
from stillhouse.components.storage.urls import local_path, scheme_of
from stillhouse.components.storage.windows import check_times, fixed_part
from stillhouse.components.tasks import load_task
from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.yaml_document import Key
from stillhouse.spelling import closest


def check_source(settings: PrepareSettings, place: Callable[[Key], str]) -> None:
    """Look at a local source; other addresses, and what only a full reading shows, are left to the steps.

    Args:
        settings: Where the source is and what its columns are called.
        place: Tells where the recipe gives a key, for the sentence.

    Raises:
        UserError: the source does not exist, its address is refused or holds an unknown placeholder; or a column is
            missing.
    """
    where = place(("data", "source"))
    try:
        check_times(settings.source)
        if scheme_of(settings.source, ("file", "s3", "hf")) != "file":
            return
        fixed = fixed_part(settings.source)
        path = local_path(fixed)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if not (path.is_file() or path.is_dir()):
        raise UserError(f"{where}: there is no file or folder '{path}'; correct data.source.")
    if fixed != settings.source:  # which of its files will count, inspect finds out
        return
    from stillhouse.components.formats.batch import Reading
    from stillhouse.components.formats.sources import parts_of
    from stillhouse.components.formats.tables import column_names

    named, formats = _named_columns(settings), load_task(settings.task).formats
    try:
        first = parts_of(_files(path), str(path), path, formats)[0][0]
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    file = first.path
    reading = Reading([name for _, name in named], Budget(0), settings.csv, formats=formats)
    present = list(first.columns) if first.columns else column_names(file, reading)
    if present is None:
        return
    for key, name in named:
        if name not in present:
            match = closest(name, present)
            mend = f"did you mean '{match}'?" if match else f"it has: {', '.join(present)}."
            if file.name.lower().endswith((".csv", ".tsv")) and not {name for _, name in named} & set(present):
                mend = f"{mend.rstrip('?.')}; if its first row is data, set data.csv.header to false or to names."
            given = ".".join(part for part in key if not part.isdigit())
            raise UserError(f"{place(key)}: {given} names '{name}', a column that {file} lacks; {mend}")


def _named_columns(settings: PrepareSettings) -> list[tuple[Key, str]]:
    columns = settings.columns
    of_fields = columns.of(load_task(settings.task).fields)
    one = {**of_fields, "group": columns.group, "split": columns.split_column, "time": columns.time}
    named: list[tuple[Key, str]] = [
        (("data", "columns", role), name) for role, name in one.items() if isinstance(name, str)
    ]
    several: dict[Key, list[str]] = {
        **{("data", "columns", role): names for role, names in of_fields.items() if isinstance(names, list)},
        ("prepare", "slices"): settings.slices,
    }
    for key, names in several.items():
        named += [((*key, str(index)), name) for index, name in enumerate(names)]
    return named


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return [path / name for name in data_names(names, str(path))]
