"""Settings of sweep."""

from pydantic import Field

from stillhouse.components.config.settings import Settings


class SweepSettings(Settings):
    """What of ended runs stays: what is younger than keep_days, and what the last keep_runs runs made or used."""

    keep_days: float = Field(default=30.0, ge=0)
    keep_runs: int = Field(default=10, ge=0)
    dry_run: bool = False
    """Only say what would be removed."""
