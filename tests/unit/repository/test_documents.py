"""What the pages beside the code name is there: files, headings, tests, make targets, recipe keys, commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from command_line import options, parsers
from typer.core import TyperCommand

from stillhouse.components.config.settings import fields_at
from stillhouse.components.inspect.settings import STEPS
from stillhouse.pipelines.recipes.recipe import SHIPPED, Recipe

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
TEXT = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
OF_THEN = {"docs/log.md", "CHANGELOG.md"}
"""They tell what was: names of then."""
TOP = ("components", "pipelines", "tests", "docs", "images", "manifests", "scripts", "findings", "src", "runs")
MADE = ("manifests/overlays/dev/mlflow/secrets/", "runs/")
"""Beginnings of files that commands make."""
SHORT = {"F": "tests/faults", "U": "tests/unit", "C": "tests/cluster"}
"""Folders as the tables of docs/reliability.md write them."""
SECTIONS = ("data", "model", *STEPS)
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")

every_page = pytest.mark.parametrize("page", TEXT)
pages_of_today = pytest.mark.parametrize("page", [page for page in TEXT if page not in OF_THEN])


def prose(page: str) -> str:
    """Without fenced blocks."""
    return FENCE.sub("", TEXT[page])


def anchors(text: str) -> set[str]:
    """What a heading is linked by: lower case, no punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


@pages_of_today
def test_files_that_are_named_exist(page: str) -> None:
    named = set(re.findall(rf"(?<![\w./:<-])((?:{'|'.join(TOP)})/[\w./*-]*)", TEXT[page]))
    paths = {path.rstrip("./") for path in named if not path.startswith(MADE)}
    bases = [ROOT, ROOT / "manifests"] if page == "docs/images.md" else [ROOT]
    assert sorted(path for path in paths if not any(any(base.glob(path)) for base in bases)) == []


def test_tests_that_docs_reliability_names_exist() -> None:
    """As `F/test_kills.py::test_killed_at_a_place`; `…` stands for a part of a name that is left out."""
    missing = []
    for top, path, name in re.findall(r"`([FUC])/([\w./]*)(?:::([\w…]+))?", TEXT["docs/reliability.md"]):
        file = ROOT / SHORT[top] / path
        pattern = "def " + re.escape(name).replace("…", r"\w*") + r"(\b|$)"
        pattern = pattern if name.startswith("test") else pattern.replace("def ", r"def test_")
        if not file.exists() or (name and not re.search(pattern, file.read_text(encoding="utf-8"))):
            missing.append(f"{top}/{path}::{name}")
    assert missing == []


@pages_of_today
def test_targets_of_make_exist(page: str) -> None:
    blocks = "\n".join(body for _, body in FENCE.findall(TEXT[page]))
    named = re.findall(r"^(?:\$ )?make ([\w-]+)", blocks, flags=re.MULTILINE)
    named += re.findall(r"`make ([\w-]+)", prose(page))
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(named) <= targets


@pages_of_today
def test_keys_of_recipes_exist(page: str) -> None:
    """As `prepare.augment`, `promote.prefer: student` or `--set promote.replace_incomparable=true`."""
    named = re.findall(rf"`(?:--set )?((?:{'|'.join(SECTIONS)})(?:\.[a-z_]+)+)(?=[`:=])", prose(page))
    files = {"json", "safetensors", "sig", "yaml"}
    unknown = []
    for section, *path in {tuple(key.split(".")) for key in named if key.rpartition(".")[2] not in files}:
        cls, above = (STEPS[section], path[:-1]) if section in STEPS else (Recipe, [section, *path[:-1]])
        if path[-1] not in fields_at(cls, tuple(above)):
            unknown.append(".".join([section, *path]))
    assert unknown == []


def test_the_recipe_in_the_readme_is_the_one_that_ships() -> None:
    shown = [body for language, body in FENCE.findall(TEXT["README.md"]) if language == "yaml"]
    assert (SHIPPED / "spam.yaml").read_text(encoding="utf-8") in shown


def lines(page: str) -> Iterator[list[str]]:
    """What follows `stillhouse` in each command line of a page; of `[A | B]` both."""
    for language, body in FENCE.findall(TEXT[page]):
        if language == "sh":
            for command in re.split(r"\n|&&|;", re.sub(r"#.*", "", body)):
                if command.strip().startswith("stillhouse "):
                    yield shlex.split(command)[1:]
    for code in CODE.findall(prose(page)):
        if code.startswith("stillhouse "):
            yield shlex.split(re.sub(r"[][|\\]", " ", code))[1:]


def command_of(line: list[str]) -> tuple[str, list[str]]:
    """The command that a line begins with, as `parsers` names it, and the rest of the line."""
    if line[:2] == ["step", "NAME"]:
        line = ["step", "finetune", *line[2:]]
    names = (" ".join(line[:length]) for length in (2, 1))
    name = "" if line[0].startswith("--") else next((name for name in names if name in parsers()), None)
    assert name is not None, f"there is no command `stillhouse {' '.join(line)}`"
    return name, line[len(name.split()) :]


@pages_of_today
def test_commands_and_their_options_exist(page: str) -> None:
    for line in lines(page):
        name, rest = command_of(line)
        known = {word for said, _ in options(parsers()[name]) for word in re.split(r"[ ,/]+", said)}
        asked = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert asked - {"--help"} <= known, f"stillhouse {' '.join(line)}"


@pages_of_today
def test_whole_command_lines_are_understood(page: str) -> None:
    """Those that give more than a name: the command's own parser takes them."""
    for line in lines(page):
        name, rest = command_of(line)
        parser = parsers()[name]
        if isinstance(parser, TyperCommand) and rest and "--help" not in rest and rest[0] != "--csv":
            values = ["1" if word == "N" else word for word in rest]
            try:
                parser.make_context(name, values)
            except typer.BadParameter as error:
                raise AssertionError(f"stillhouse {' '.join(line)}: {error}") from None


def test_enough_of_them_is_looked_at() -> None:
    assert {command_of(line)[0] for line in lines("README.md")} >= {"run", "schedule", "predict", "sweep", "compile"}
    assert sum(len(list(lines(page))) for page in TEXT) > 30
