"""The emails that ship, and the script that makes them."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[3]
DATA = ROOT / "pipelines" / "recipes" / "data"
MESSAGES = {
    "easy-ham-1/1.txt": b"Subject: =?iso-8859-1?q?Gr=FC=DFe?= an\n alle\nList-Id: x\n\nHello\n",
    "easy-ham-1/2.txt": (
        b"Subject: two parts\nContent-Type: multipart/alternative; boundary=b\n\n"
        b"--b\nContent-Type: text/html\n\n<p>html</p>\n"
        b"--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"caf=C3=A9=\n!\n--b--\n"
    ),
    "spam-1/1.txt": b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+YnV5PC9iPg==\n",
    "spam-2/1.txt": b"Subject: \xa4\xe9\nContent-Type: text/plain; charset=big5\n\n\xa4\xe9\n",
    "spam-2/2.txt": b"Subject: x\nContent-Type: text/plain; charset=nonsense\n\n\x93quoted\x94\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    folder = tmp_path_factory.mktemp("package")
    for name, message in MESSAGES.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(message)
    script = ROOT / "scripts" / "make_spam_assassin.py"
    subprocess.run([sys.executable, script, folder, folder / "made.parquet"], check=True, capture_output=True)
    return pq.read_table(folder / "made.parquet").to_pylist()


def test_the_folder_tells_the_label(made: list[dict[str, str]]) -> None:
    assert [row["label"] for row in made] == ["ham", "ham", "spam", "spam", "spam"]


def test_subjects_are_decoded_and_on_one_line(made: list[dict[str, str]]) -> None:
    assert [row["subject"] for row in made] == ["Grüße an alle", "two parts", "", "日", "x"]


def test_bodies_are_decoded_and_plain_text_is_preferred(made: list[dict[str, str]]) -> None:
    assert [row["body"].strip() for row in made] == ["Hello", "café!", "<b>buy</b>", "日", "“quoted”"]


def test_the_shipped_emails_are_those_the_readme_counts() -> None:
    table = pq.read_table(DATA / "spam-assassin.parquet")
    labels = table["label"].to_pylist()
    assert table.column_names == ["subject", "body", "label"]
    assert f"{len(labels):,} emails" in (DATA / "README.md").read_text()
    assert f"{labels.count('spam'):,} spam and {labels.count('ham'):,} ham" in (DATA / "README.md").read_text()


def test_the_shipped_file_is_small() -> None:
    assert (DATA / "spam-assassin.parquet").stat().st_size < 5 << 20
