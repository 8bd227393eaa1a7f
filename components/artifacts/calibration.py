"""How sure a model was made: the temperature that its answers are scaled by, as its model.json says it."""

from stillhouse.components.artifacts.json_artifact import JsonArtifact


class TemperatureScaling(JsonArtifact):
    """`calibration` of model.json. The scale lies in the weights: whoever loads them gets scaled probabilities."""

    method: str = "temperature"
    temperature: float
    """The logits were divided by it; above 1 the model is less sure than before, below 1 more."""
    rows: int
    """Validation rows that it was fitted on."""
    loss_before: float
    """Mean log-loss on these, as it was."""
    loss_after: float


class Calibration(TemperatureScaling):
    """`calibration` of evaluation.json: the student's."""

    ece_before: float | None = None
    """Calibration error on the test rows as it would be without; None, as below, where none is measured of answers."""
    ece_after: float | None = None
