"""Settings of prepare."""

from collections import Counter
from typing import Any, Literal

from pydantic import Field, model_validator

from stillhouse.components.config.settings import Settings
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.tasks.interface.columns import Columns, Names
from stillhouse.components.tasks.interface.task_data import NoSettings

LEARN = "learn"
"""What prepare answers when the run shall go on; else it says what it found of what was asked for."""


class SplitShares(Settings):
    """Shares of the labelled rows, by hash of their content, or by time where the columns name one."""

    validation: float = Field(default=0.1, gt=0, lt=0.5)
    test: float = Field(default=0.2, gt=0, lt=0.5)


class Replay(Settings):
    """What a source that is a window of partitions ({since_last_promoted}) takes of those before it."""

    share: float = Field(default=0.1, ge=0, le=1)
    """Share of the older rows that is learnt again, drawn by their content and the seed."""
    kept: float = Field(default=0.02, ge=0, lt=0.5)
    """Share of the rows, by hash, that is test for ever: of each older partition they show what has been forgotten."""
    partitions: int = Field(default=12, ge=1)
    """So many partitions before the window are looked at, the newest ones."""
    seed: int = Field(default=1, ge=0)

    @property
    def looks_back(self) -> int:
        """How many partitions before the window are looked at."""
        return self.partitions if self.share or self.kept else 0


class PrepareSettings(Settings):
    """What to take, how to clean it, when to refuse it."""

    source: str
    """A file or folder, s3://bucket/prefix or hf://name[@revision][/config]; inspect resolves {scheduled_time} and
    {since_last_promoted} in it."""
    task: str
    columns: Columns = Columns()
    input: NoSettings = NoSettings()
    """What the task lets one set of the form that examples have."""
    csv: CsvSettings = CsvSettings()
    """How CSV and TSV files are written; what is left out is found out for each file."""
    missing: list[str] | None = None
    """Words that stand for no value, in any case of letters and in all columns but the text's. Left out, these are nan,
    NaT, <NA> and the like everywhere, and none, null, NA, N/A in groups, splits and numbers: among labels and slices
    they are names. Null, NaN and blank text always are no value."""
    target: Literal["auto", "classes", "multi_label", "number"] = "auto"
    """Kind of target; auto takes lists, vectors of 0 and 1 and names with `|` between them as multi_label, fractions as
    number, everything else as classes."""
    label_separator: str | None = Field(default=None, min_length=1, max_length=3)
    """What stands between several labels in a text. Left out, it is looked for: `|`, and `;` or `,` where the parts are
    labels of other rows, too."""
    label_names: list[str] | None = Field(default=None, min_length=2)
    """Names of the labels where the source has vectors of 0 and 1, one name a place, or whole numbers from 0 on."""
    min_rows_per_label: int = Field(default=5, ge=1)
    """Labels with fewer rows, or none in train, are rare."""
    rare_labels: Literal["unlabelled", "other", "error"] = "unlabelled"
    """What becomes of the rows of rare labels: text without a label, rows of one class `other`, or the end of the run.
    The data card names and counts them."""
    splits: SplitShares = SplitShares()
    replay: Replay = Replay()
    max_memory_gb: float = Field(default=8.0, gt=0, le=4096)
    """Memory that reading the source may take; a file that swells beyond it, as a compressed one can, fails the run."""
    max_characters: int = Field(default=100_000, ge=1)
    """Longer rows are dropped, and counted."""
    near_duplicates: float = Field(default=0.85, ge=0.5, le=1.0)
    """Jaccard similarity of word 3-shingles from which rows are the same; 1.0 looks for exact copies only."""
    mask_pii: bool = False
    """Replace e-mail addresses and phone numbers by <email> and <phone>."""
    augment: float = Field(default=0.0, ge=0.0, le=0.5)
    """Share of words that a training view loses at random; evaluation never sees it."""
    slices: Names = Field(default=[])
    """Columns that evaluate reports apart, kept as `slice_<name>`; empty where a row has none."""
    labelled_rows: int | None = Field(default=None, ge=1)
    """Keep the labels of this many training rows only; the rest is unlabelled text for pretraining."""
    min_rows: int = Field(default=100, ge=1)
    """Fewer labelled rows after cleaning fail the run."""
    max_dropped: float = Field(default=0.5, ge=0, le=1)
    """A larger share of rows dropped fails the run."""
    max_unknown_tokens: float = Field(default=0.5, ge=0, le=1)
    """A larger share of the texts' tokens that a base model's vocabulary does not know fails the run."""
    max_drift: float = Field(default=1.0, ge=0, le=1)
    """A larger Jensen-Shannon distance (base 2) to the last promoted model's dataset fails the run."""
    min_new_rows: int = Field(default=0, ge=0)
    """With fewer training rows that the champion has not seen the run ends early, as nothing to learn; 0 never."""
    min_drift: float = Field(default=0.0, ge=0, le=1)
    """With a smaller drift in words, lengths and labels alike (Jensen-Shannon distance, base 2) to the champion's
    dataset the run ends early; 0 never. Where min_new_rows is given too, either suffices to go on."""
    skip_below: float = Field(default=0.0, ge=0)
    """When the gain over the champion in the main metric is expected to be less, by the upper bound that the nights
    before give, the run ends early, as nothing to learn; 0 never."""

    @model_validator(mode="after")
    def _check_labels(self) -> "PrepareSettings":
        if self.label_separator is not None and self.target in ("classes", "number"):
            raise ValueError(
                f"label_separator separates several labels, and target is {self.target}: take one of them out"
            )
        if self.label_names is not None and self.target == "number":
            raise ValueError("label_names names labels, and target is number: take one of them out")
        twice = [name for name, times in Counter(self.label_names or []).items() if times > 1]
        if twice:
            raise ValueError(f"label_names has '{twice[0]}' twice: give each label its own name")
        return self

    @property
    def cleaning(self) -> dict[str, Any]:
        """How texts are cleaned, as dataset.json and model.json hand it on to whoever asks the model."""
        return {"mask_pii": self.mask_pii}
