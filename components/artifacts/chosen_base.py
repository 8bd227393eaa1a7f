"""`base: auto`: what it may stand for, and what prepare has chosen once the texts were known."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from stillhouse.components.artifacts.base_folder import BaseFolder, check_objective
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.config.settings import Settings
from stillhouse.components.models.architectures import num_positions
from stillhouse.components.storage.packages import ENGLISH, PACKAGE
from stillhouse.errors import UserError

AUTO = "auto"
ENGLISH_BASE = f"{PACKAGE}{ENGLISH}"
"""What English texts start from where there is nothing better."""
WRITTEN = re.compile(r"auto(\s*,\s*else\s+(?P<otherwise>\S.*))?")

Objective = Literal["auto", "none", "masked_lm", "next_word"]


class Use(Settings):
    """What a step does with a base."""

    step: str
    max_length: int
    """Tokens of its longest text."""
    objective: str = "none"
    """Of pretraining."""
    reads: str = "text"
    """What the model is given: the kind of the task's input."""

    def check(self, address: str, base: BaseFolder) -> None:
        """Whether the base can be used so.

        Raises:
            UserError: it reads in the other direction, has fewer positions, or is for other data.
        """
        if base.reads != self.reads:
            raise UserError(
                f"base '{address}': it is a {base.kind}, which is given {base.reads}, and {self.step} has "
                f"{self.reads}; take a base for {self.reads}, or leave it out."
            )
        check_objective(base, self.objective)
        positions = num_positions(base.config)
        if positions is not None and self.max_length > positions:
            raise UserError(
                f"base '{address}': it has {positions} positions, and {self.step}.loop.max_length is "
                f"{self.max_length}; set it to no more."
            )


class Candidates(Settings):
    """What `auto` chooses among, as far as it can be told before the texts are read."""

    champion: str = ""
    """Address of the model in production; empty where there is none."""
    label: str = ""
    """What a sentence calls it."""
    otherwise: str = ""
    """The address that the recipe names for texts that the packaged base is not for; empty where it names none."""
    digest: str = ""
    """Of its content, if its address does not say it."""
    own: bool = False
    """Whether Stillhouse has made it."""
    trouble: str = ""
    """Why that one cannot be had."""
    uses: list[Use] = Field(default_factory=list)
    """What the steps will do with it."""

    def said(self) -> str:
        """What the run says of them before the choice."""
        champion = [f"the champion ({self.label})"] if self.champion else []
        otherwise = [self.otherwise] if self.otherwise else []
        names = [*champion, f"{ENGLISH_BASE} for English texts", *otherwise, "random weights"]
        return f"Base auto: the first that fits of {', '.join(names)}; prepare chooses when it knows the texts."


def is_auto(base: str) -> bool:
    """Whether `base` leaves the choice to the run.

    Raises:
        UserError: it begins so and goes on otherwise.
    """
    if WRITTEN.fullmatch(base.strip()):
        return True
    if re.match(r"auto[\s,]", base.strip()):
        raise UserError(f"base '{base}': write `auto`, or `auto, else ADDRESS`; a folder as `./auto`.")
    return False


def otherwise_of(auto: str) -> str:
    """The address in `auto, else ADDRESS`; empty where there is none."""
    found = WRITTEN.fullmatch(auto.strip())
    return (found["otherwise"] or "") if found else ""


def base_of(base: str, spec: Spec) -> str:
    """The address that a step starts from; empty for random weights.

    Args:
        base: The step's setting: an address, or `auto`.
        spec: Of the dataset, in which prepare wrote down what `auto` stands for.
    """
    return (spec.base or {}).get("address", "") if is_auto(base) else base


def objective_of(objective: str, address: str, objectives: Sequence[str]) -> str:
    """What is learnt without labels: `auto` is the task's first choice from random weights (masked_lm for text), and
    nothing from a base, which has been pretrained on more than a run has.

    Args:
        objectives: those that such a network of the task learns by.
    """
    if objective != AUTO:
        return objective
    return "none" if address or not objectives else objectives[0]
