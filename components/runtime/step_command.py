"""One step alone from the command line: its settings and its paths are the options."""

import argparse
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
)

from stillhouse.components.config.home import home_folder
from stillhouse.components.config.settings import Settings, explain
from stillhouse.components.config.yaml_file import not_plain, read_yaml
from stillhouse.components.runtime.step_run import step_run
from stillhouse.components.storage.home import at_work
from stillhouse.components.storage.urls import local_path
from stillhouse.errors import USER_ERROR, UserError
from stillhouse.redaction import guard_output


class NoPaths(Settings):
    """For a step that takes no paths."""


def run_alone(
    step: str,
    settings: type[Settings],
    paths: type[Settings] = NoPaths,
    first: Callable[[Any], Any] = lambda settings: settings,
    for_task: Callable[[type[Settings], str], type[Settings]] = lambda settings, name: settings,
    **fixed: Any,
) -> None:
    """Run a step with what the command line gives; what the step returns is shown as JSON.

    Each field of `settings` and `paths` is an option, nested ones with dots (`--loop.epochs 3`). `--settings`
    names a YAML file of settings; options go over it.

    Args:
        step: Name of the step's module and function.
        settings: Its settings.
        paths: Its keyword-only arguments.
        first: Makes the function's first argument out of the settings.
        for_task: Makes of the settings those for the task that the options name.
        fixed: Keyword arguments that only KFP has a use for.

    Raises:
        SystemExit: with code 2 for a mistake of the user's, 130 after Ctrl-C.
    """
    guard_output()
    try:
        if name := _named_task():
            settings = for_task(settings, name)
        options = _read_options(step, settings, paths)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USER_ERROR)
    chosen = settings.model_validate(options.model_dump(include=set(settings.model_fields)))
    given = {name: getattr(options, name) for name in paths.model_fields}
    arguments = {name: str(path) for name, path in given.items() if path is not None}
    try:
        with step_run(step) as run, at_work(run.run_id, home_folder()):
            # The step's imports may take seconds; --help needs none of them.
            function = getattr(importlib.import_module(f"stillhouse.components.{step}.{step}"), step)
            result = function(first(chosen), **arguments, **fixed, run=run)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    if result:
        shown = result._asdict() if hasattr(result, "_asdict") else result
        sys.stdout.write(json.dumps(shown, indent=1) + "\n")


class _Options(BaseSettings):
    """Reads the command line, and below it the file that `--settings` names; nothing from the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        parser = argparse.ArgumentParser(
            settings_cls.__name__, "%(prog)s [OPTIONS]", settings_cls.__doc__, allow_abbrev=False
        )
        parser.add_argument("--settings", metavar="FILE", help="YAML file of settings; options go over it.")
        parser.add_argument("--home", metavar="DIR", help="Folder of everything that is written; STILLHOUSE_HOME.")
        line: CliSettingsSource[Any] = CliSettingsSource(
            settings_cls, root_parser=parser, cli_hide_none_type=True, cli_avoid_json=True
        )
        parsed = vars(parser.parse_args())
        file, folder = parsed.pop("settings"), parsed.pop("home")
        if folder is not None:
            os.environ["STILLHOUSE_HOME"] = folder
        line(parsed_args=parsed)
        if file is None:
            return (line,)
        return line, InitSettingsSource(settings_cls, _read_settings(file))


def _named_task() -> str:
    """The task that the options or their file name; empty where they name none."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--task", default="")
    parser.add_argument("--settings", default=None)
    try:
        given, _ = parser.parse_known_args()
    except argparse.ArgumentError:  # an option without its value, which reading them all says better
        return ""
    return given.task or (str(_read_settings(given.settings).get("task", "")) if given.settings else "")


def _read_options(step: str, settings: type[Settings], paths: type[Settings]) -> BaseSettings:
    """Fields of both classes.

    Raises:
        UserError: an option, or a key of the file, is missing, unknown or refused.
    """
    program = f"stillhouse step {step}"
    options: Any = create_model(program, __base__=(settings, paths, _Options), __doc__=settings.__doc__)
    try:
        return options()
    except ValidationError as error:
        raise UserError(explain(error, options, program)) from None
    except (SettingsError, TypeError, ValueError) as error:
        raise UserError(f"{program}: an option cannot be read ({error}); fix it.") from None


def _read_settings(file: str) -> dict[str, Any]:
    if not local_path(file).is_file():
        raise UserError(f"--settings: there is no file '{file}'; check the path.")
    _, values = read_yaml(Path(file), f"--settings {file}")
    if not isinstance(values, dict):
        raise UserError(f"--settings {file}: no YAML mapping in it; write keys and values, such as `seed: 1`.")
    if found := not_plain(values):
        raise UserError(f"--settings {file}: '{'.'.join(found[0]) or 'the document'}' {found[1]}.")
    return values
