"""The whole command line as its own parsers have it, commands that are programs of their own included."""

import argparse
import io
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from typing import Any
from unittest.mock import patch

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from stillhouse.components.runtime.steps import STEPS
from stillhouse.pipelines.cli.app import PASS_ON, app

Parser = TyperCommand | TyperGroup | argparse.ArgumentParser
"""What reads the arguments of a command."""
MORE = {"schedule": ("list",), "step": STEPS}
"""First arguments that lead to another parser than the command's own."""


class _Reached(BaseException):
    """The parser that is about to read the arguments."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser


@cache
def parsers() -> dict[str, Parser]:
    """Of each command: "" for `stillhouse` itself, "run", "schedule", "schedule pause", "step finetune", ..."""
    whole: Any = typer.main.get_command(app)
    found: dict[str, Parser] = {"": whole}
    for name, command in _group(whole).items():
        if command.context_settings.get("allow_extra_args") != PASS_ON["allow_extra_args"]:
            found[name] = command
            continue
        if name != "step":  # which lists the steps by itself
            found[name] = _reached(name)
        for first in MORE.get(name, ()):
            parser = _reached(name, first)
            subcommands = _group(parser)
            found |= {f"{name} {sub}": one for sub, one in subcommands.items()} or {f"{name} {first}": parser}
    return found


def _group(parser: Parser) -> dict[str, Any]:
    return dict(parser.commands) if isinstance(parser, TyperGroup) else {}


def _reached(*arguments: str) -> Parser:
    """The parser that `stillhouse ARGUMENTS` hands what follows to, in this process or in one that takes its place."""

    def program(_: str, line: list[str]) -> None:
        with patch.object(sys, "argv", line[line.index("-m") + 1 :]):
            runpy.run_module(sys.argv[0], run_name="__main__")

    def typed(self: typer.Typer, *_: Any, **__: Any) -> None:
        command = typer.main.get_command(self)
        assert isinstance(command, TyperCommand | TyperGroup)
        raise _Reached(command)

    def parsed(self: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        raise _Reached(self)

    patches = (
        patch.object(os, "execv", program),
        patch.object(typer.Typer, "__call__", typed),
        patch.object(argparse.ArgumentParser, "parse_args", parsed),
    )
    with patches[0], patches[1], patches[2], redirect_stdout(_nowhere()), redirect_stderr(_nowhere()):
        try:
            typer.main.get_command(app).main(list(arguments), standalone_mode=False)
        except _Reached as reached:
            return reached.parser
    raise AssertionError(f"`stillhouse {' '.join(arguments)}` asks no parser")


def about(parser: Parser) -> str:
    """What the command is said to do."""
    said = parser.description if isinstance(parser, argparse.ArgumentParser) else parser.help
    return " ".join((said or "").split())


def _nowhere() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO())


def options(parser: Parser) -> Iterator[tuple[str, str]]:
    """Each option and argument as `--help` writes it, and what it says of it: help, default, variable."""
    if isinstance(parser, argparse.ArgumentParser):
        for action in parser._actions:
            if action.help != argparse.SUPPRESS:
                names = [*action.option_strings, *([str(action.metavar)] if action.metavar else [])]
                yield " ".join(names), " ".join((action.help or "").split())
        return
    context = typer.Context(parser)
    for parameter in parser.params:
        assert isinstance(parameter, TyperArgument | TyperOption)
        if record := parameter.get_help_record(context):
            yield record[0], " ".join(record[1].split())
