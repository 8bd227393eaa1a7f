"""Pages of docs whose tables stand between markers."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/results.md"


def put(program: str, parts: list[str], page: Path = PAGE) -> None:
    """Put what a program tells between its markers in a page; empty parts are left out."""
    begin, end = (f"<!-- {program}: {word} -->" for word in ("begin", "end"))
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(before + "\n\n".join([begin, *filter(None, parts), end]) + after, encoding="utf-8")


def rows_and_columns(headings: list[str], lines: list[list[str]], left: int = 1) -> str:
    """A table, its first columns, so many, to the left and the others to the right."""
    rule = ["---"] * left + ["--:"] * (len(headings) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in [headings, rule, *lines])
