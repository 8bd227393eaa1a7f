"""What people fill in and type: the form's fields, the commands, their options and help, as golden/interface.json says.

A change of it is meant, or it is a mistake. Where it is meant COMMAND writes the file anew, and the commit says why.
"""

import json
import os
from pathlib import Path
from typing import Any

from command_line import about, options, parsers
from google.protobuf.json_format import MessageToDict

from stillhouse.pipelines.retrain import retrain, retrain_without_pretraining

GOLDEN = Path(__file__).parent / "golden" / "interface.json"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/repository/test_interface.py"


def form(pipeline: Any) -> dict[str, dict[str, Any]]:
    """Each field as KFP has it, in the order in which it shows them: type, default, description.

    A field without a default must be filled in.
    """
    fields = MessageToDict(pipeline.pipeline_spec)["root"]["inputDefinitions"]["parameters"]
    return {
        name: {
            "type": field["parameterType"],
            **({"default": _in_order(field["defaultValue"])} if "defaultValue" in field else {}),
            "description": " ".join(field["description"].split()),
        }
        for name, field in sorted(fields.items())
    }


def _in_order(value: Any) -> Any:
    """With keys sorted: KFP keeps no order of them."""
    return json.loads(json.dumps(value, sort_keys=True))


def commands() -> dict[str, dict[str, Any]]:
    """Each command line up to its options, what it does, and its options and arguments."""
    return {
        " ".join(["stillhouse", *name.split()]): {"does": about(parser), "takes": dict(options(parser))}
        for name, parser in parsers().items()
    }


def test_it_is_as_the_golden_file_says() -> None:
    found = {"made_by": COMMAND, "form": form(retrain), "commands": commands()}
    if os.environ.get("STILLHOUSE_MAKE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert found["form"] == golden["form"]
    assert list(found["commands"]) == list(golden["commands"])
    for command, said in golden["commands"].items():
        assert found["commands"][command] == said, command


def test_the_form_without_pretraining_is_the_same() -> None:
    assert form(retrain_without_pretraining) == form(retrain)
