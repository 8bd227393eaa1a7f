"""inspect alone: `stillhouse step inspect --help`."""

from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.runtime.step_command import run_alone

if __name__ == "__main__":
    run_alone("inspect", Parameters, first=lambda parameters: parameters.model_dump(mode="json"))
