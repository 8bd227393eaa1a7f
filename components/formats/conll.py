"""Words in columns: a word on each line, a blank line between sentences (CoNLL-2003 and its kin, and CoNLL-U).

A row is a sentence, its number that of the line of its first word, and a column a list with a text for each word.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from stillhouse.components.formats.batch import ArrowBatch, Batch, DataFile, Reading, check_columns
from stillhouse.components.safety.data_files import refuse_other_encodings
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

TOKENS, TAGS, DOCUMENT = "tokens", "tags", "document"
"""Columns of every file: the words; what its last column, or UPOS of CoNLL-U, says of each; and the document that the
sentence is from, one text or null, by which a split can keep documents together."""
UNIVERSAL = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""CoNLL-U's columns (https://universaldependencies.org/format.html)."""
_BATCH_ROWS = 1024
_MOST_WORDS = 100_000
"""Of a sentence: a file in which nothing parts the sentences is not held in memory."""
_HEAD_BYTES = 1 << 26
"""That the first sentence may take, where it is looked for the names of columns alone."""
_DOCUMENT_LINE = "-DOCSTART-"
_NEW_DOCUMENT = re.compile(r"#\s*(?:newdoc(?:\s+id\s*=\s*(.*))?|begin document\s+(.*))")
"""As CoNLL-U and CoNLL-2012 have it."""
_NAMED_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
_SPACES = re.compile("[ \t]+")
"""Not all that Unicode calls white space: no-break and thin spaces stand inside of words (`10 000`)."""
_NOT_A_WORD = re.compile(r"\d+-\d+|\d+\.\d+")
"""A range, which several words share on paper, or a word that is nowhere on paper."""


class _Line(NamedTuple):
    number: int
    text: str


def read_conll(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Sentences of a file with columns between tabs or spaces.

    Columns are called by their numbers from 1, and `tokens` (the first; the second where the first counts the words)
    and `tags` (the last, if there are two). `-DOCSTART-` begins a document. Lines that begin with `#` before a sentence
    and are not as its words are, are comments.

    Raises:
        UserError: lines differ in their columns, or a line is not UTF-8.
        MissingColumn: one that is asked for is missing.
    """
    yield from _batches(file, reading, _Columns(file))


def read_conllu(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Sentences of a CoNLL-U file, or of a CoNLL-U Plus file whose first line names its columns.

    Columns are called as there, in lower case, and `tokens` (FORM) and `tags` (UPOS). Words count, not ranges of them
    (`1-2 don't`) nor empty nodes (`8.1`); `_` is no value but in FORM. `# newdoc` begins a document.

    Raises:
        UserError, MissingColumn: as `read_conll`.
    """
    yield from _batches(file, reading, _UniversalColumns(file))


def conll_columns(file: DataFile, reading: Reading) -> list[str]:
    """The names of the columns, as the first sentence tells them."""
    return _first_names(file, _Columns(file))


def conllu_columns(file: DataFile, reading: Reading) -> list[str]:
    """The names of the columns, as the first sentence tells them."""
    return _first_names(file, _UniversalColumns(file))


@dataclass
class _Columns:
    """The columns of one file, which its first sentence tells, and where it is."""

    file: DataFile
    names: dict[str, int] = field(default_factory=dict)
    """Place of each."""
    width: int = 0
    is_numbered: bool = False
    by_tabs: bool = False
    wanted: str = "the rows before have"
    hint: str = ""
    document: str | None = None
    num_documents: int = 0

    def comment(self, text: str) -> None:
        """Take what a comment tells."""
        if begun := _NEW_DOCUMENT.fullmatch(text):
            self.begin_document((begun[1] or begun[2] or "").strip())

    def sentence(self, lines: list[_Line]) -> "tuple[int, list[list[str]]] | None":
        """Number of its first line, and the fields of each word; None where there are comments only."""
        words = list(lines)
        if not self.width and (first := next((line.text for line in lines if not line.text.startswith("#")), "")):
            self.by_tabs = "\t" in first
            self.width = len(self._fields(first))
        while words and self._is_comment(words[0].text):
            self.comment(words.pop(0).text)
        if not words:
            return None
        fields = [self._fields(line.text) for line in words]
        for line, found in zip(words, fields, strict=True):
            if len(found) != self.width:
                raise UserError(
                    f"{self.file.path}, row {line.number}: {_columns(len(found))} where {self.wanted} {self.width}; "
                    f"give each word's line the same, with {'a tab' if self.by_tabs else 'spaces'} between, and put "
                    f"a blank line after each sentence{self.hint}."
                )
        if not self.names:
            self.names = self._names(fields)
        if self.is_numbered:
            self._check_numbers(words, fields)
        return words[0].number, fields

    def all(self) -> list[str]:
        """A name for each column: its own where it is not the words or the tags."""
        of_place = {place: name for name, place in reversed(self.names.items())}
        return [*(of_place[place] for place in sorted(of_place)), DOCUMENT]

    def begin_document(self, name: str | None = None) -> None:
        """Of a document without a name, its place in the file is one."""
        self.num_documents += 1
        self.document = name or f"{self.file.path.name}:{self.num_documents}"

    def _names(self, fields: list[list[str]]) -> dict[str, int]:
        self.is_numbered = self.width > 2 and all(found[0] == str(i) for i, found in enumerate(fields, start=1))
        names = {TOKENS: int(self.is_numbered)}
        if self.width > 1 + self.is_numbered:
            names[TAGS] = self.width - 1
        return names | {str(place + 1): place for place in range(self.width)}

    def _fields(self, text: str) -> list[str]:
        return text.split("\t") if self.by_tabs else _SPACES.split(text.strip(" \t"))

    def _is_comment(self, text: str) -> bool:
        """`# id = 3` is one, a word `#` with its tags or `#tag O` is not."""
        fields = self._fields(text)
        tells = not self.by_tabs and any("=" in one for one in fields[1:])
        return text.startswith("#") and (len(fields) != self.width or tells)

    def _check_numbers(self, words: Sequence[_Line], fields: list[list[str]]) -> None:
        for i, (line, found) in enumerate(zip(words, fields, strict=True), start=1):
            if found[0] != str(i):
                raise UserError(
                    f"{self.file.path}, row {line.number}: the word's number is '{found[0][:40]}' where {i} is due; "
                    "number the words of each sentence from 1, and put a blank line after it."
                )


class _UniversalColumns(_Columns):
    """Those of CoNLL-U."""

    def __init__(self, file: DataFile) -> None:
        super().__init__(file, by_tabs=True, is_numbered=True, width=len(UNIVERSAL))
        self.wanted = "CoNLL-U has"
        self.hint = ", or call a file with other columns .conll"
        self._columns: Sequence[str] = UNIVERSAL

    def comment(self, text: str) -> None:
        if not self.names and (named := _NAMED_COLUMNS.fullmatch(text)):
            self._columns = named[1].lower().split()
            self.width, self.is_numbered = len(self._columns), "id" in self._columns
            self.wanted = "global.columns has"
            if "form" not in self._columns:
                raise UserError(
                    f"{self.file.path}, row 1: global.columns has no FORM; call the column that holds the words so."
                )
        super().comment(text)

    def sentence(self, lines: list[_Line]) -> "tuple[int, list[list[str]]] | None":
        kept = [line for line in lines if line.text.startswith("#") or not self._is_no_word(line.text)]
        return super().sentence(kept) if kept else None

    def _is_no_word(self, text: str) -> bool:
        return "id" in self._columns and _NOT_A_WORD.fullmatch(text.partition("\t")[0]) is not None

    def _is_comment(self, text: str) -> bool:
        return text.startswith("#") and "\t" not in text

    def _names(self, fields: list[list[str]]) -> dict[str, int]:
        places = {name: place for place, name in enumerate(self._columns)}
        return {TOKENS: places["form"], TAGS: places.get("upos", self.width - 1)} | places

    def _check_numbers(self, words: Sequence[_Line], fields: list[list[str]]) -> None:
        place = self._columns.index("id")
        super()._check_numbers(words, [[found[place]] for found in fields])


def _batches(file: DataFile, reading: Reading, columns: _Columns) -> Iterator[Batch]:
    refuse_other_encodings(file.path)
    numbers: list[int] = []
    rows: dict[str, list[object]] = {}
    for number, fields in _sentences(file, reading.budget, columns):
        if not numbers and not rows:
            present = [*columns.names, DOCUMENT]
            check_columns(file.path, reading.names, present)
            rows = {name: [] for name in (columns.all() if reading.names is None else reading.names)}
        numbers.append(number)
        for name, values in rows.items():
            values.append(columns.document if name == DOCUMENT else _values(fields, columns, name))
        if len(numbers) == _BATCH_ROWS:
            yield _batch(file, numbers, rows)
            numbers, rows = [], {name: [] for name in rows}
    if numbers:
        yield _batch(file, numbers, rows)


def _values(fields: list[list[str]], columns: _Columns, name: str) -> list[str | None]:
    """A column of a sentence; `_` is no value in CoNLL-U, but for a word that is so."""
    place = columns.names[name]
    if isinstance(columns, _UniversalColumns) and place != columns.names[TOKENS]:
        return [None if found[place] == "_" else found[place] for found in fields]
    return [found[place] for found in fields]


def _batch(file: DataFile, numbers: list[int], rows: dict[str, list[object]]) -> Batch:
    arrays = {
        name: pa.array(values, pa.string() if name == DOCUMENT else pa.list_(pa.string()))
        for name, values in rows.items()
    }
    return ArrowBatch(numbers, file.share, pa.record_batch(arrays))


def _sentences(file: DataFile, budget: Budget, columns: _Columns) -> Iterator[tuple[int, list[list[str]]]]:
    lines: list[_Line] = []
    for line in _lines(file, budget):
        is_document = line.text.startswith(_DOCUMENT_LINE)
        if line.text.strip() and not is_document:
            lines.append(line)
            if len(lines) > _MOST_WORDS:
                raise UserError(
                    f"{file.path}, row {lines[0].number}: a sentence of more than {_MOST_WORDS:,} words begins here; "
                    "put a blank line after each sentence."
                )
            continue
        if lines and (found := columns.sentence(lines)) is not None:
            yield found
        lines = []
        if is_document:
            columns.begin_document()
    if lines and (found := columns.sentence(lines)) is not None:
        yield found


def _lines(file: DataFile, budget: Budget) -> Iterator[_Line]:
    for number, data in enumerate(file.data, start=1):
        budget.take(len(data))
        try:
            text = data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"{file.path}, row {number}: this is not UTF-8 ({error}); save the file as UTF-8."
            ) from None
        text = text.rstrip("\r\n")
        if "\r" in text:
            raise UserError(f"{file.path}, row {number}: lines end in a carriage return alone; save them with \\n.")
        yield _Line(number, text)


def _first_names(file: DataFile, columns: _Columns) -> list[str]:
    """As heads of other files are read, whatever the budget: the first sentence is short, or there is not any."""
    try:
        next(_sentences(file, Budget(_HEAD_BYTES), columns), None)
    except MemoryError:
        return []
    return [*columns.names, DOCUMENT] if columns.names else []


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"


WORD_FILES = {
    **dict.fromkeys((".conll", ".conll03", ".iob", ".iob2", ".bio", ".txt", ".tsv"), read_conll),
    **dict.fromkeys((".conllu", ".conllup"), read_conllu),
}
"""Readers by the ends of files' names."""
WORD_HEADS = {suffix: conllu_columns if read is read_conllu else conll_columns for suffix, read in WORD_FILES.items()}
"""What tells all columns of each."""
