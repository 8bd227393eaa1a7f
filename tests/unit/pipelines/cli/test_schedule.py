"""What `stillhouse schedule` asks for before it looks for a cluster."""

import pytest

from stillhouse.errors import UserError
from stillhouse.pipelines.cli.schedule import app


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["spam"], "either --cron '0 3 * * *' or --every 6h"),
        (["spam", "--cron", "0 3 * * *", "--every", "6h"], "either --cron '0 3 * * *' or --every 6h"),
        (["spam", "--cron", "0 3 * *"], "has 4 fields"),
        (["spam", "--every", "5s"], "too often"),
        (["spma", "--every", "6h"], "did you mean 'spam'"),
        (["./list", "--every", "6h"], "there is no such recipe file"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        app(arguments)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("command", ["list", "pause", "resume", "delete"])
def test_what_looks_after_schedules_is_no_recipe(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app([command, "--help"])
    assert f"stillhouse schedule {command}" in capsys.readouterr().out


def test_more_runs_at_once_than_kfp_can_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["spam", "--every", "6h", "--max-concurrency", "11"])
    assert ended.value.code == 2
    assert "--max-concurrency" in capsys.readouterr().err
