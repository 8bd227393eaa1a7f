"""MLflow's database after its home folder was moved or copied: the places of artifacts in it follow.

MLflow writes absolute paths into its database, and has no call to change them. Left as they are, new runs would make
the old folder again, and a version of the registry would lead into it.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

logger = logging.getLogger(__name__)

ARTIFACTS = "mlartifacts"
"""In the home folder: where experiments and runs keep their files."""
PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Tables and columns of MLflow's database that hold addresses of artifacts."""


def follow_move(home: Path) -> None:
    """Let the database `home`/mlflow.db name places under `home`, where it names those under another folder.

    Which folder that was is told by its first experiment, made with the database. Nothing is touched while the old
    folder is this one by another name (a link). A failure costs a warning: MLflow works, with the old places.
    """
    try:
        with closing(sqlite3.connect(home / "mlflow.db", timeout=60)) as connection, connection:
            old = _first_place(connection)
            if old is None or old == home or _is_same(old, home):
                return
            columns = list(_columns(connection))
            before, after = f"{old / ARTIFACTS}", f"{home / ARTIFACTS}"
            for table, column in columns:
                for start in (before, f"file://{before}"):
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (start.replace(before, after), len(start) + 1, start, len(start) + 1, f"{start}/"),
                    )
        logger.info("MLflow's database was under %s and is under %s now: its artifacts are looked for here.", old, home)
    except sqlite3.Error as error:
        logger.warning("MLflow's database may name places of before it was moved: %s", error)


def _first_place(connection: sqlite3.Connection) -> Path | None:
    """The home folder that the database was made in."""
    found = connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchone()
    place = Path(str(found[0]).removeprefix("file://")) if found and found[0] else None
    return place.parent.parent if place and place.parent.name == ARTIFACTS else None


def _is_same(old: Path, home: Path) -> bool:
    return old.is_dir() and old.samefile(home)


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Those of `PLACES` that this version of MLflow's database has."""
    for table, columns in PLACES.items():
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        yield from ((table, column) for column in columns if column in known)
