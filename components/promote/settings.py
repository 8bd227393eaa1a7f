"""Settings of promote."""

from argparse import SUPPRESS
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.config.duration import seconds
from stillhouse.components.config.settings import Settings, shown
from stillhouse.components.tasks import baselines_of


class Inspected(Settings):
    """What inspect saw when the run began."""

    inputs: str
    """Digest of all that the candidate is made from: source, base models, code, parameters."""
    champion: Entry | None = None
    """The champion that the candidate is compared with."""
    anchor: Entry | None = None
    """The anchor that it is held against."""
    data_until: str | None = None
    """When the run was due, where its source is a window of partitions."""
    gpus: int = 0
    """That each step which trains asks for, on all its nodes."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """What the run was asked for, as a recipe would have it."""


class PromoteSettings(Settings):
    """The gates between a candidate and production; all must hold."""

    REPLACED: ClassVar[dict[str, str]] = {
        "beat_majority": "name the baselines that the student must beat in 'must_beat' ([] for none)"
    }

    model_name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    """Name in the model registry."""
    task: str
    within_teacher: float = Field(default=0.02, ge=0, le=1)
    """How far the main metric may be below the teacher's: a larger loss is refused only where it is shown, by the upper
    one-sided bound of the paired difference."""
    within_champion: float = Field(default=0.01, ge=0, le=1)
    """How far it may be below the current champion's at worst, by the lower one-sided bound: nothing that may be worse
    replaces what works."""
    within_anchor: float = Field(default=0.02, gt=0, le=1)
    """How far it may be below the anchor, the best champion so far, at worst and for all time: the chance that any
    promotion ever goes below is under 1 in 20."""
    anchor: str | None = Field(default=None, min_length=1)
    """The version that is the anchor; by default the best champion so far by paired evidence."""
    shelf_life: int = Field(default=100, ge=1)
    """How often a test row may help to decide against the anchor; after that only fresher rows do."""
    may_lose_labels: bool | list[str] = False
    """Labels that the champion knows and the candidate need not; true for any."""
    replace_incomparable: bool = False
    """Whether a champion may be replaced that cannot be compared: other labels, too few rows it never saw, damaged."""
    must_beat: list[str] | None = None
    """Baselines that the lower bound of the paired difference must reach (majority, tfidf_logistic); by default all."""
    must_beat_margin: float = Field(default=0.01, ge=0, le=1)
    """How far the main metric may be below a baseline's at worst; the majority answer must be beaten outright."""
    when_beaten: Literal["refuse", "warn"] = "refuse"
    """What becomes of a candidate that does not reach one of them: it is refused, or it may be promoted and the verdict
    begins with what it loses to."""
    prefer: Literal["quality", "student"] = "quality"
    """Whether the best baseline is promoted in the place of a student that does not reach it, or never."""
    min_metric: float | None = None
    """Floor of the main metric, by its lower one-sided bound (a ceiling of an error, by the upper one)."""
    max_calibration_error: float | None = Field(default=None, ge=0, le=1)
    """Ceiling of the calibration error (ECE): how far confidence and share of right answers lie apart."""
    slice_floors: dict[str, float] = Field(default_factory=dict)
    """Floor of the main metric per slice, as column=value, by the same bound on its rows."""
    max_negative_flips: float | None = Field(default=None, ge=0, le=1)
    """Share of the rows that the champion has right and the candidate wrong: it must not be more at worst, by its upper
    one-sided bound."""
    max_forgetting: float | None = Field(default=0.02, ge=0, le=1)
    """How far the main metric may be below the champion's on the rows kept of a partition before the window: a larger
    loss is refused where it is shown."""
    max_latency_vs_teacher: float = Field(default=1.0, gt=0)
    """Median latency as a ratio to the teacher's: what it is at least, by its one-sided bound, must not be more."""
    max_latency_vs_champion: float = Field(default=1.5, gt=0)
    max_latency_p95_ms: float | None = Field(default=None, gt=0)
    """Milliseconds that 95 of 100 rows must surely keep, asked one by one: by the upper one-sided bound."""
    max_bytes: int | None = Field(default=None, ge=1)
    """Size of the weights."""
    min_test_rows: int = Field(default=30, ge=1)
    """Fewer rows are not enough evidence. The bounds of the paired differences count few rows against the candidate by
    themselves; below 30 a bootstrap says little of them."""
    approval: Literal["automatic", "human"] = "automatic"
    """Whether a candidate that holds all gates is promoted at once, or waits for `stillhouse approve`."""
    approval_deadline: str = "3d"
    """How long it waits: 90m, 12h, 3d. After that it is rejected, as not approved in time."""
    inspected: Annotated[Inspected | None, SUPPRESS] = None
    """Filled in by inspect and left out when the step runs alone; no option of the command line."""

    @field_validator("anchor", mode="before")
    @classmethod
    def _version(cls, value: Any) -> Any:
        """A version is a number to people, and to KFP one with a point."""
        return f"{value:.0f}" if isinstance(value, int | float) and not isinstance(value, bool) else value

    @field_validator("may_lose_labels", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """One label stands for a list of one; a label that is a number is one without quotes, too."""
        if isinstance(value, bool):
            return value
        given = value if isinstance(value, list) else [value]
        if any(isinstance(label, bool) or not isinstance(label, str | int | float) for label in given):
            raise ValueError("it is true, false or a list of labels (in YAML, quote those like 'yes' and 'no')")
        # KFP turns whole numbers into floats.
        return [str(int(label)) if isinstance(label, float) and label.is_integer() else str(label) for label in given]

    @field_validator("approval_deadline")
    @classmethod
    def _is_duration(cls, text: str) -> str:
        seconds(text)
        return text

    @field_validator("must_beat", mode="before")
    @classmethod
    def _baselines(cls, value: Any, info: ValidationInfo) -> Any:
        """One name stands for a list of one.

        Raises:
            ValueError: a name is not that of a baseline of the task.
        """
        named, known = [value] if isinstance(value, str) else value, baselines_of(info.data.get("task"))
        strange = [name for name in named if name not in known] if isinstance(named, list) and known else []
        if strange:
            known = ", ".join(sorted(known))
            raise ValueError(f"{shown(strange[0])} is not a baseline; name some of {known}, or [] for none")
        return named
