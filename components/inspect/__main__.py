"""inspect alone: `stillhouse step inspect --help`."""

from stillhouse.components.alone import run_alone
from stillhouse.components.inspect.settings import Parameters

if __name__ == "__main__":
    run_alone("inspect", Parameters, first=lambda parameters: parameters.model_dump(mode="json"))
