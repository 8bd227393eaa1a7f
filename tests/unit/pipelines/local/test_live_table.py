import io

import pytest
from rich.console import Console

from stillhouse.pipelines.local.live_table import LineView, LogView, TableView, choose_view, table
from stillhouse.pipelines.local.progress import Progress, StepProgress


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    """One step in each state."""
    rows = [
        StepProgress("inspect", state="done", started=990, finished=990.3),
        StepProgress("prepare", state="cached"),
        StepProgress("pretrain", state="skipped", started=991, finished=991.5),
        StepProgress(
            "finetune",
            state="running",
            started=992,
            note="loss 0.31, f1_macro 0.9712",
            metric="f1_macro 0.97",
        ),
        StepProgress("distill"),
    ]
    progress = Progress({row.step: row for row in rows}, clock)
    row = progress.rows["finetune"]
    row.done, row.total, row.unit, row.rate = 450_000, 1_000_000, "tokens", 12_345.6
    return progress


def drawn(progress: Progress, width: int) -> list[str]:
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(table(progress))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_table_has_a_line_for_each_step_in_its_order(progress: Progress) -> None:
    assert [line.split()[:2] for line in drawn(progress, 120)[1:]] == [
        ["inspect", "done"],
        ["prepare", "cached"],
        ["pretrain", "skipped"],
        ["finetune", "running"],
        ["distill", "waiting"],
    ]


def test_the_running_step_shows_share_rate_time_left_time_and_metric(progress: Progress) -> None:
    (line,) = [line for line in drawn(progress, 120) if line.startswith("finetune")]
    for part in ("━", "45 %", "12.3k tokens/s", "0:45", "8.0 s", "loss 0.31, f1_macro 0.9712"):
        assert part in line


def test_a_step_that_is_done_shows_its_metric_and_no_rate(progress: Progress) -> None:
    progress.rows["finetune"].state = "done"
    (line,) = [line for line in drawn(progress, 120) if line.startswith("finetune")]
    assert "f1_macro 0.97" in line
    assert "tokens/s" not in line


def test_the_table_fits_a_terminal_of_80_columns(progress: Progress) -> None:
    lines = drawn(progress, 80)
    assert len(lines) == 6
    assert "12.3k tokens/s  0:45    8.0 s loss" in next(line for line in lines if line.startswith("finetune"))


def lines_of(output: io.StringIO) -> list[str]:
    found = output.getvalue().splitlines()
    output.seek(0)
    output.truncate()
    return found


def test_plain_lines_come_when_a_state_changes_and_every_ten_seconds(progress: Progress, clock: Clock) -> None:
    output = io.StringIO()
    view = LineView(Console(file=output, width=60))
    view.show(progress)
    assert lines_of(output) == [
        "inspect: done, 0.3 s",
        "prepare: cached",
        "pretrain: skipped, 0.5 s",
        "finetune: running, 45 %, 12.3k tokens/s, 0:45 left, loss 0.31, f1_macro 0.9712",
    ]
    clock.now += 9
    view.show(progress)
    assert lines_of(output) == []
    clock.now += 1
    view.show(progress)
    assert [line.split(",")[0] for line in lines_of(output)] == ["finetune: running"]


def test_the_time_left_of_the_whole_run_stands_under_the_table_and_in_plain_lines(progress: Progress) -> None:
    progress.left = lambda progress: "whole run: about 2:20 left (as mails-1 took)"
    for view in (TableView, LineView):
        console = Console(record=True, width=200, file=io.StringIO())
        with view(console) as shown:
            shown.show(progress, last=True)
        assert console.export_text().count("whole run: about 2:20 left (as mails-1 took)") == 1


def test_the_terminal_gets_the_table_and_a_file_plain_lines() -> None:
    assert isinstance(choose_view(Console(force_terminal=True), verbose=False), TableView)
    assert isinstance(choose_view(Console(file=io.StringIO()), verbose=False), LineView)


def test_verbose_shows_the_log_as_it_is() -> None:
    output = io.StringIO()
    view = choose_view(Console(file=output, force_terminal=True), verbose=True)
    assert isinstance(view, LogView)
    view.log("[bold]a line[/bold]")
    assert output.getvalue() == "[bold]a line[/bold]\n"


def test_the_table_is_drawn_in_place_and_stays_at_the_end(progress: Progress) -> None:
    output = io.StringIO()
    with TableView(Console(file=output, force_terminal=True, width=100)) as view:
        view.show(progress)
        progress.rows["distill"].state = "failed"
        view.show(progress, last=True)
    first, *_, last = output.getvalue().split("\x1b[1A")  # each drawing after the first goes back up
    assert ("failed" in first, "failed" in last) == (False, True)


@pytest.mark.parametrize("view", [LineView, TableView])
def test_a_sentence_of_a_step_is_written_once_in_one_line(
    progress: Progress, view: type[LineView] | type[TableView]
) -> None:
    console = Console(record=True, width=80, file=io.StringIO())
    sentence = "The tokenizer.json of the base counts, and this sentence is longer than a line of a terminal is wide."
    progress.rows["finetune"].notes.append(sentence)
    with view(console) as shown:
        shown.show(progress)
        shown.show(progress, last=True)
    assert console.export_text().count(f"finetune: {sentence}\n") == 1
