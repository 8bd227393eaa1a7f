"""Settings of pretrain."""

from pydantic import Field, ValidationInfo, field_validator

from stillhouse.components.artifacts.chosen_base import AUTO, Objective, objective_of
from stillhouse.components.models.settings import Architecture
from stillhouse.components.tasks import load_task
from stillhouse.components.training.settings import DerivableSettings, LoopSettings, OptimizerSettings


class PretrainSettings(DerivableSettings):
    """Self-supervised learning on unlabelled data."""

    task: str
    objective: Objective = "auto"
    """auto is masked_lm from random weights, and none from a base; none skips the step."""
    base: str = AUTO
    """Model to go on from: a folder, package://, s3://, hf:// or models:/. `auto` is what prepare chose; empty: random
    weights, a tokenizer learnt from data."""
    architecture: Architecture = Architecture()
    mask_probability: float = Field(default=0.2, gt=0, lt=1)
    """Share of tokens that masked_lm predicts; BERT's was 0.15, and Wettig et al. argue for more (2023,
    doi:10.18653/v1/2023.eacl-main.217)."""
    loop: LoopSettings = LoopSettings()
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3)

    def objective_on(self, address: str) -> str:
        """What is learnt from the base at `address`, from random weights where it is empty; never `auto`."""
        return objective_of(self.objective, address, load_task(self.task).learnt_by(self.architecture))

    @field_validator("architecture")
    @classmethod
    def _learns_by_the_objective(cls, architecture: Architecture, given: ValidationInfo) -> Architecture:
        """Told before anything is trained; of a base it is told when that is looked at."""
        asked = given.data
        if asked.get("base") or "objective" not in asked or "task" not in asked:
            return architecture
        task = load_task(asked["task"])
        learnt = task.learnt_by(architecture)
        if asked["objective"] in task.objectives and asked["objective"] not in learnt:
            learns = f"learns by {' or '.join(learnt)}" if learnt else "is not pretrained here"
            objective = asked["objective"]
            raise ValueError(
                f"a network of that shape {learns}, and pretrain.objective is '{objective}'; change one of them"
            )
        return architecture
