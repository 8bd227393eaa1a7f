"""Options of a run on a cluster: fixed when the pipeline is compiled, and the same for compile, submit and schedule."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field, field_validator

from stillhouse.components.config.duration import seconds
from stillhouse.components.config.settings import Settings, check
from stillhouse.components.config.yaml_file import read_yaml
from stillhouse.components.kubernetes.images import TRAINING
from stillhouse.errors import UserError
from stillhouse.pipelines.compiling.hardware import Bytes, Hardware, load_hardware
from stillhouse.redaction import find_secret

NO_STORE = "No --store: checkpoints and promotions of its runs would go with their pods."

Name = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
"""Name of an object in the namespace; empty for none."""

S3_KEYS = {"AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY"}
MLFLOW_KEYS = {
    "MLFLOW_TRACKING_USERNAME": "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD": "MLFLOW_TRACKING_PASSWORD",
}
WEBHOOK_KEYS = {"url": "STILLHOUSE_WEBHOOK_SECRET"}
SIGNING_KEYS = {"key": "STILLHOUSE_SIGNING_SECRET"}
"""Keys of Secrets where nothing else is said, and the environment variables that they become."""


class SecretRef(Settings):
    """A Secret of the namespace, of which only names are ever written."""

    name: Name
    keys: dict[str, str]
    """Environment variable by key of the Secret."""


class ClusterOptions(Settings):
    """What the pods of a run get beyond the form's fields. Each field is an option of the command line."""

    hardware: str = "cpu"
    """Pods of the GPU steps: small, cpu, gpu, gpus-N, mig, shared, spot, or a YAML file of the same form."""
    nodes: int = Field(default=1, ge=1, le=64)
    """Nodes that each of pretrain, finetune and distill trains on, with the form's gpu_count on each; more than one
    needs --store and Kubeflow Trainer 2. Their other resources are the hardware's."""
    queue: Name = ""
    """Kueue's LocalQueue, in which the GPU steps wait for their quota."""
    shared_memory: Bytes | None = None
    """Shared memory of the GPU steps, for the workers that make batches; instead of the hardware's."""
    step_limit: str = "24h"
    """Longest run of a pod, counted from its start: 90m, 12h, 2d."""
    run_limit: str = "3d"
    """Longest time of the whole run, waiting for hardware included."""
    retries: int = Field(default=3, ge=0, le=20)
    """How often a step is started again, in its pod or in a new one, before the run gives up."""
    image_repository: str = Field(default="", pattern=r"^([a-z0-9][\w.:/-]*)?$")
    """Where the images are: registry.example/team."""
    light_image: str = ""
    """The image without torch, by tag or digest; instead of the one in the repository."""
    training_image: str = ""
    """The image with torch, by tag or digest; instead of the one in the repository."""
    service_account: Name = ""
    """The pods' account; without it KFP's own choice. Of submit and schedule: the form has a field of its own."""
    pipeline_root: str = Field(default="", pattern=r"^(\w+://.+)?$")
    """Where KFP keeps what the steps hand on; without it KFP's own place. Of submit and schedule."""
    pull_secret: Name = ""
    """Secret with the registry's password."""
    store: str = Field(default="", pattern=r"^(s3://[^/@?#]+.*)?$")
    """Where checkpoints, promotions and models live: s3://bucket/prefix. Without it they go with their pods."""
    s3_secret: str = ""
    """Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or NAME:KEY=VARIABLE,KEY=VARIABLE; without it the
    default chain of credentials (workload identity) counts."""
    mlflow_uri: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Address of the MLflow server."""
    mlflow_secret: str = ""
    """Secret with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or NAME:KEY=MLFLOW_TRACKING_TOKEN."""
    serving: str = Field(default="", pattern=r"^([a-z0-9-]+/[a-z0-9.-]+)?$")
    """NAMESPACE/NAME of a KServe InferenceService, which loads each new champion (manifests/components/serving)."""
    webhook_secret: str = ""
    """Secret whose key `url` is the address that the outcome of each run is posted to."""
    signing_secret: str = ""
    """Secret whose key `key` is a private key in PEM, which verdicts and models are signed with. Without it nothing is
    signed."""
    scratch: Bytes = "50Gi"
    """Most that a step keeps on its node's disk: copies of data and models, caches, files for a moment."""
    env: tuple[str, ...] = ()
    """NAME=VALUE for each pod, such as AWS_ENDPOINT_URL=https://s3.example; repeatable."""

    @field_validator("step_limit", "run_limit")
    @classmethod
    def _is_duration(cls, text: str) -> str:
        seconds(text)
        return text

    @field_validator("s3_secret", "mlflow_secret", "webhook_secret", "signing_secret")
    @classmethod
    def _is_secret(cls, text: str) -> str:
        _secret(text, {})
        return text

    @field_validator("env")
    @classmethod
    def _are_variables(cls, pairs: tuple[str, ...]) -> tuple[str, ...]:
        for pair in pairs:
            if not re.match(r"[A-Za-z_]\w*=", pair):
                raise ValueError("each must be NAME=VALUE")
        return pairs

    def chosen_hardware(self) -> Hardware:
        """The hardware of the GPU steps.

        Raises:
            UserError: there is no such preset or file.
        """
        hardware = load_hardware(self.hardware)
        return hardware.model_copy(update={"shared_memory": self.shared_memory}) if self.shared_memory else hardware

    def secrets(self) -> list[SecretRef]:
        """The Secrets that become environment variables of every pod."""
        given = (
            (self.s3_secret, S3_KEYS),
            (self.mlflow_secret, MLFLOW_KEYS),
            (self.webhook_secret, WEBHOOK_KEYS),
            (self.signing_secret, SIGNING_KEYS),
        )
        return [_secret(text, keys) for text, keys in given if text]

    def variables(self) -> dict[str, str]:
        """Environment variables of every pod, by name."""
        named = {
            "STILLHOUSE_STORE": self.store,
            "MLFLOW_TRACKING_URI": self.mlflow_uri,
            "STILLHOUSE_SERVING": self.serving,
        }
        given = dict(pair.split("=", 1) for pair in self.env)
        return {name: value for name, value in named.items() if value} | given

    def image_of(self, default: str) -> str:
        """The image for `default`, a name in kubernetes/images.py: a named one, or that name in the repository."""
        if own := self.training_image if default == TRAINING else self.light_image:
            return own
        return f"{self.image_repository}/{default.rpartition('/')[2]}" if self.image_repository else default


OptionsFile = Annotated[
    Path | None,
    typer.Option(
        "--options",
        envvar="STILLHOUSE_OPTIONS",
        help="YAML file of submit's options; `store` and `mlflow-uri` are taken from it.",
    ),
]
ADDRESSES = ("STILLHOUSE_STORE", "MLFLOW_TRACKING_URI")
"""Variables that say where a run keeps things, for its pods and for whoever looks at it from elsewhere."""


def take_addresses(variables: Mapping[str, str]) -> None:
    """Let this process look where `variables` say, for each address that its own environment does not name."""
    for name in ADDRESSES:
        if variables.get(name) and not os.environ.get(name):
            os.environ[name] = variables[name]


def take_addresses_from(path: Path | None) -> None:
    """`take_addresses` with those in a file of options.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    take_addresses(check(ClusterOptions, _read_options(path), f"--options {path}").variables())


def with_cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command of typer's an option for each field of ClusterOptions; it receives them as `cluster`.

    A YAML file, which --options or STILLHOUSE_OPTIONS names, says the same for all commands; the command line wins.
    """
    fields = ClusterOptions.model_fields

    @wraps(command)
    def run(options: Path | None, **arguments: Any) -> Any:
        given = {name: value for name in fields if (value := arguments.pop(name)) not in (None, [])}
        return command(**arguments, cluster=check_options(_read_options(options) | given))

    own = inspect.signature(command).parameters.values()
    file = typer.Option(None, "--options", envvar="STILLHOUSE_OPTIONS", help="YAML file with any of what follows.")
    options = [inspect.Parameter("options", inspect.Parameter.KEYWORD_ONLY, default=file, annotation=Path | None)] + [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option([] if name == "env" else None, f"--{_flag(name)}", help=_help(name)),
            annotation=_typed(name),
        )
        for name in fields
    ]
    replaceable: Any = run
    replaceable.__signature__ = inspect.Signature(
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own if parameter.name != "cluster"]
        + options
    )
    return run


def check_options(given: dict[str, Any]) -> ClusterOptions:
    """The options of a command line, by the names of the fields.

    Raises:
        UserError: one of them is wrong; it is named as the command line writes it.
    """
    options = check(ClusterOptions, given, "cluster options")
    options.chosen_hardware()
    if options.nodes > 1 and not options.store:
        raise UserError("--nodes: nodes share no disk, so that they need a store; give --store s3://bucket/prefix too.")
    for name, value in options.model_dump(mode="json").items():
        if kind := find_secret(" ".join(value) if isinstance(value, list) else str(value)):
            raise UserError(
                f"--{_flag(name)} holds what looks like {kind}, and all of this is written into the compiled pipeline; "
                "put it into a Secret and name that."
            )
    return options


def _read_options(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    _, values = read_yaml(path, f"--options {path}")
    if not isinstance(values, dict):
        raise UserError(f"--options {path}: no YAML mapping in it; write options and values, such as `queue: gold`.")
    # Named as the command line writes them, or as Python does.
    named = {str(key).replace("-", "_"): value for key, value in values.items()}
    check(ClusterOptions, named, f"--options {path}")
    return named


def _secret(text: str, keys: dict[str, str]) -> SecretRef:
    """`NAME` with the usual keys, or `NAME:KEY=VARIABLE,...`."""
    name, colon, given = text.partition(":")
    pairs = [pair.partition("=") for pair in given.split(",")] if colon else []
    if not all(key and variable for key, _, variable in pairs):
        raise ValueError("it must be NAME or NAME:KEY=VARIABLE,KEY=VARIABLE")
    return SecretRef(name=name, keys={key: variable for key, _, variable in pairs} or keys)


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _typed(name: str) -> Any:
    return {"env": list[str], "retries": int | None, "nodes": int | None}.get(name, str | None)


def _help(name: str) -> str:
    field = ClusterOptions.model_fields[name]
    shown = f" [default: {field.default}]" if field.default else ""
    return " ".join((field.description or "").split()) + shown
