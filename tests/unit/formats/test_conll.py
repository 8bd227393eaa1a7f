"""Words in columns: CoNLL-2003 and its kin, CoNLL-U and CoNLL-U Plus."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.formats.batch import Batch, DataFile, MissingColumn, Reading
from stillhouse.components.formats.conll import conll_columns, conllu_columns, read_conll, read_conllu
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

CONLLU = Path(__file__).parents[2] / "data/entities/conllu-6.0.0.conllu"
"""Written by the package conllu: a range, an empty node, two documents, words that are `_`, `#` and have a space."""
CONLL_2003 = """-DOCSTART- -X- -X- O

U.N. NNP I-NP I-ORG
official NN I-NP O
. . O O

# # I-NP O
1 CD I-NP O

-DOCSTART- -X- -X- O

Rome NNP I-NP I-LOC"""


def rows(
    path: Path, names: list[str] | None = None, read: Callable[[DataFile, Reading], Iterator[Batch]] = read_conll
) -> list[tuple[int, dict[str, Any]]]:
    """Number and values of each row."""
    with path.open("rb") as file:
        batches = list(read(DataFile(path, file), Reading(names, Budget(1 << 30))))
    return [(number, row) for batch in batches for number, row in zip(batch.numbers, batch.rows(), strict=True)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "some.conll"
        path.write_bytes(text.encode())
        return path

    return write


def test_sentences_have_words_tags_documents_and_the_line_they_begin_on(write: Callable[[str], Path]) -> None:
    assert rows(write(CONLL_2003), ["tokens", "tags", "2", "document"]) == [
        (3, {"tokens": ["U.N.", "official", "."], "tags": ["I-ORG", "O", "O"], "2": ["NNP", "NN", "."],
             "document": "some.conll:1"}),
        (7, {"tokens": ["#", "1"], "tags": ["O", "O"], "2": ["#", "CD"], "document": "some.conll:1"}),
        (12, {"tokens": ["Rome"], "tags": ["I-LOC"], "2": ["NNP"], "document": "some.conll:2"}),
    ]  # fmt: skip


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.replace(" ", "\t"),
    lambda text: text.replace(" ", "  ").replace("\n\n", "\n \n\n\n"),
    lambda text: "\ufeff" + text + "\n\n",
])  # fmt: skip
def test_line_ends_tabs_more_spaces_and_a_mark_of_utf_8_change_nothing(
    write: Callable[[str], Path], change: Callable[[str], str]
) -> None:
    wanted = [row for _, row in rows(write(CONLL_2003))]
    assert [row for _, row in rows(write(change(CONLL_2003)))] == wanted


def test_a_packed_file_is_the_same(tmp_path: Path, write: Callable[[str], Path]) -> None:
    packed = tmp_path / "some.conll.gz"
    packed.write_bytes(gzip.compress(CONLL_2003.encode()))
    assert [row["tokens"] for _, row in rows(packed)] == [row["tokens"] for _, row in rows(write(CONLL_2003))]


def test_each_column_has_one_name_where_all_are_read(write: Callable[[str], Path]) -> None:
    assert list(rows(write(CONLL_2003))[0][1]) == ["tokens", "2", "3", "tags", "document"]
    path = write(CONLL_2003)
    with path.open("rb") as file:
        names = conll_columns(DataFile(path, file), Reading(None, Budget(1 << 20)))
    assert names == ["tokens", "tags", "1", "2", "3", "4", "document"]


def test_comments_before_a_sentence_are_none_of_its_words(write: Callable[[str], Path]) -> None:
    path = write(
        "# id 5239d808 domain=en\nKiel _ _ B-LOC\n\n# a note\n# O _ O\n\n#begin document (x); part 0\nb _ _ O\n"
    )
    assert [(number, row["tokens"], row["document"]) for number, row in rows(path)] == [
        (2, ["Kiel"], None), (5, ["#"], None), (8, ["b"], "(x); part 0"),
    ]  # fmt: skip


def test_a_hashtag_is_a_word(write: Callable[[str], Path]) -> None:
    assert [row["tokens"] for _, row in rows(write("#nyc\tB-loc\nis\tO\n\n#sun\tO\n"))] == [["#nyc", "is"], ["#sun"]]


def test_only_tabs_and_spaces_part_columns(write: Callable[[str], Path]) -> None:
    assert rows(write("10\u00a0000 CD O\n\u2009 X O\n"), ["tokens"])[0][1]["tokens"] == ["10\u00a0000", "\u2009"]
    assert rows(write("New York\tB-LOC\n\tO\n"), ["tokens"])[0][1]["tokens"] == ["New York", ""]


def test_a_column_that_counts_the_words_is_not_the_words(write: Callable[[str], Path]) -> None:
    germeval = "#\thttp://de.wikipedia.org [2009]\n1\tAus\tO\tO\n2\tKiel\tB-LOC\tO\n\n1\tEnde\tO\tO\n"
    assert [row["tokens"] for _, row in rows(write(germeval))] == [["Aus", "Kiel"], ["Ende"]]
    with pytest.raises(UserError, match=r"some.conll, row 5: the word's number is '3' where 1 is due"):
        rows(write(germeval.replace("\n1\tEnde", "\n3\tEnde")))


def test_a_file_of_words_alone_has_no_tags(write: Callable[[str], Path]) -> None:
    path = write("Rome\nfell\n\nToday\n")
    assert rows(path, ["tokens"]) == [(1, {"tokens": ["Rome", "fell"]}), (4, {"tokens": ["Today"]})]
    with pytest.raises(MissingColumn, match="column 'tags' is missing; the file has tokens, 1, document"):
        rows(path, ["tokens", "tags"])


def test_lines_that_differ_in_their_columns_are_refused_with_their_place(write: Callable[[str], Path]) -> None:
    with pytest.raises(UserError) as caught:
        rows(write("a DT O\nb NN O\n\nc O\n"))
    assert str(caught.value).endswith(
        "some.conll, row 4: 2 columns where the rows before have 3; give each word's line the same, with spaces "
        "between, and put a blank line after each sentence."
    )


def test_a_file_in_which_nothing_parts_the_sentences_is_refused(write: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match=r"row 1: a sentence of more than 100,000 words begins here; put a blank line"):
        rows(write("a O\n" * 100_001))


@pytest.mark.parametrize(("data", "message"), [
    ("Ü O\n".encode("latin-1"), r"row 1: this is not UTF-8 .*; save the file as UTF-8"),
    ("ok O\n\nä O\n".encode("utf-16"), r"this is UTF-16\); save the file as UTF-8"),
])  # fmt: skip
def test_other_encodings_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "some.conll").write_bytes(data)
    with pytest.raises(UserError, match=message):
        rows(tmp_path / "some.conll")


def test_line_ends_of_old_macs_are_refused_and_not_taken_for_one_line(write: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match=r"row 1: lines end in a carriage return alone; save them with"):
        rows(write("a O\rb O\r"))


def test_reading_stops_where_the_budget_is_spent(write: Callable[[str], Path]) -> None:
    path = write("a O\n" * 1000)
    with path.open("rb") as file, pytest.raises(MemoryError):
        list(read_conll(DataFile(path, file), Reading(None, Budget(500))))


def test_many_sentences_come_in_batches_and_lose_nothing(write: Callable[[str], Path]) -> None:
    found = rows(write("".join(f"w{i} O\n\n" for i in range(2500))), ["tokens"])
    assert [row["tokens"][0] for _, row in found] == [f"w{i}" for i in range(2500)]
    assert [number for number, _ in found] == list(range(1, 5000, 2))


def test_words_of_conll_u_are_neither_ranges_nor_empty_nodes() -> None:
    found = rows(CONLLU, ["tokens", "tags", "document", "lemma"], read_conllu)
    assert found == [
        (4, {"tokens": ["Sie", "ging", "zu", "dem", "Markt", "."],
             "tags": ["PRON", "VERB", "ADP", "DET", "NOUN", "PUNCT"], "document": "markt",
             "lemma": ["sie", "gehen", "zu", "der", "Markt", "."]}),
        (13, {"tokens": ["#", "_", "10 000", "Äpfel"], "tags": ["SYM", "PUNCT", "NUM", None], "document": "markt",
              "lemma": ["#", None, "10 000", "Apfel"]}),
        (21, {"tokens": ["Ende"], "tags": ["NOUN"], "document": "schluss", "lemma": ["Ende"]}),
    ]  # fmt: skip


def test_conll_u_has_its_own_names_of_columns() -> None:
    with CONLLU.open("rb") as file:
        names = conllu_columns(DataFile(CONLLU, file), Reading(None, Budget(1 << 20)))
    assert names[:5] == ["tokens", "tags", "id", "form", "lemma"]
    assert list(rows(CONLLU, None, read_conllu)[0][1]) == [
        "id", "tokens", "lemma", "tags", "xpos", "feats", "head", "deprel", "deps", "misc", "document",
    ]  # fmt: skip


def test_conll_u_plus_names_its_columns(write: Callable[[str], Path]) -> None:
    path = write("# global.columns = ID FORM PARSEME:MWE\n# sent_id = 1\n1\tKick\t1:VID\n2\tit\t_\n")
    assert rows(path, ["tokens", "tags", "parseme:mwe"], read_conllu) == [
        (3, {"tokens": ["Kick", "it"], "tags": ["1:VID", None], "parseme:mwe": ["1:VID", None]})
    ]


def test_columns_are_named_once(write: Callable[[str], Path]) -> None:
    text = "# global.columns = ID FORM\n1\ta\n\n# global.columns = ID FORM MISC\n1\tb\n"
    assert [row["tokens"] for _, row in rows(write(text), ["tokens"], read_conllu)] == [["a"], ["b"]]


@pytest.mark.parametrize(("text", "message"), [
    ("1 Rome Rome PROPN\n", "row 1: 1 column where CoNLL-U has 10; give each word's line the same, with a tab between"),
    ("# global.columns = ID MWE\n1\tx\n", "row 1: global.columns has no FORM"),
    ("1\ta" + "\t_" * 8 + "\n3\tb" + "\t_" * 8 + "\n", "row 2: the word's number is '3' where 2 is due"),
])  # fmt: skip
def test_what_is_not_conll_u_is_refused(write: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        rows(write(text), None, read_conllu)


def test_a_file_without_a_word_has_no_rows(write: Callable[[str], Path]) -> None:
    assert rows(write("\n\n# nothing\n")) == []


def test_the_names_of_columns_are_read_without_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "words.conll"
    path.write_text("Rome B-LOC\nfell O\n\n")
    with path.open("rb") as file:
        assert conll_columns(DataFile(path, file), Reading(None, Budget(0))) == ["tokens", "tags", "1", "2", "document"]
