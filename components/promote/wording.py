"""What a verdict says, in sentences."""

from typing import Any

from stillhouse.components.evaluate.wording import model_name


def called(model: str, evaluation: dict[str, Any]) -> str:
    """A model of evaluation.json by the name that people know it by."""
    return model_name(model, "number" if evaluation["main_metric"] == "r2" else "classes")
