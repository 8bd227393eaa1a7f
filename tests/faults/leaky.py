"""A pipeline whose only step lets secrets slip wherever a step can: arguments tell how it ends."""

from typing import Any

from kfp import dsl

from stillhouse.components.kubernetes.images import LIGHT

component: Any = dsl.component(base_image=LIGHT, install_kfp_package=False)


@component
def leak(end: str) -> None:
    import logging
    import os
    import sys

    from stillhouse.components.runtime.step_run import step_run
    from stillhouse.errors import UserError

    secrets = f"{os.environ['PLANTED_TOKEN']} and AKIA{'IOSFODNN7EXAMPLE'} and https://me:{'word-of-mine'}@host/a"
    with step_run("leak") as run:
        logging.getLogger("somebody").warning("logged %s", secrets)
        sys.stdout.write(f"printed {secrets}\n")
        sys.stderr.write(f"shown {secrets}\n")
        run.params({"source": secrets, "nested": {"password": "word-of-mine"}})
        run.tags({"origin": secrets})
        run.dataset("data", "0" * 64, secrets, {"train": 1})
        run.progress(1, 2, "rows", secrets)
        if end == "mistake":
            raise UserError(f"{secrets}: fix it.")
        if end == "crash":
            raise ValueError(secrets)


@dsl.pipeline(name="leaky")
def leaky(end: str) -> None:
    """Let secrets slip."""
    leak(end=end)
