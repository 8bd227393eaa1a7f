"""What a run says of a base model: in its first lines, in the report and in MLflow."""

from collections.abc import Iterable
from dataclasses import replace

from pydantic import Field

from stillhouse.components.artifacts.adapters import changes, join_address, look_at_adapters, split_address
from stillhouse.components.artifacts.base_folder import BaseFolder, is_adapter, look_at
from stillhouse.components.artifacts.licences import licence_of
from stillhouse.components.artifacts.weights_file import folder_of, is_weights_file
from stillhouse.components.config.settings import Settings
from stillhouse.components.models.architectures import DECODERS
from stillhouse.components.storage.model_files import ModelFiles, model_files
from stillhouse.components.storage.packages import known_package

OF_TORCHVISION = (
    "Its tensors have torchvision's names; pictures are resized to 256 pixels, cut to 224 and scaled as it published."
)
"""Said of a file of weights."""


class BaseFacts(Settings):
    """A base model as it was found."""

    address: str
    """Where it lies."""
    digest: str = ""
    """Of its content; of a hub's model its commit."""
    architecture: str = ""
    """Its class and model_type; empty of a model of our own, which was looked at when it was made."""
    decoder: bool = False
    """Whether it reads from left to right; its last layer has no bias then."""
    tensors: int | None = None
    """Tensors of the backbone that come from it, which are all that the architecture has; None where no torch is at
    hand to tell, as in the light image: prepare tells then."""
    notes: list[str] = Field(default_factory=list)
    """What else is to be said of it, as sentences."""
    why: str = ""
    """Why the run chose it, where the recipe left that to it."""
    licence: str = ""
    """As its model card or its package says; empty where neither does."""
    unknown: float | None = None
    """Share of the tokens of the run's texts that its vocabulary does not know."""

    def lines(self) -> list[str]:
        """For people, one sentence a line."""
        if not self.address:
            return [f"Base: random weights; {self.why}."] if self.why else []
        known = f", digest {self.digest[:12]}" if self.digest else ""
        used = f", tensors used {self.tensors} of {self.tensors}" if self.tensors is not None else ""
        made = "made by Stillhouse; its tokenizer and all of its tensors are taken"
        what = f"Base {self.address}: {self.architecture or made}{used}{known}."
        chosen = f"It was chosen because {self.why}." if self.why else ""
        unknown = (
            f"Of the tokens of the texts {self.unknown:.1%} are unknown to it." if self.unknown is not None else ""
        )
        return [line for line in (what, chosen, *self.notes, unknown) if line]


def notes_of(bases: Iterable[BaseFacts]) -> dict[str, str]:
    """What a run says of its bases, each under a name of its own."""
    said = ((number, " ".join(base.lines())) for number, base in enumerate(bases, 1))
    return {f"base.{number}": sentences for number, sentences in said if sentences}


def facts_of(address: str, digest: str, base: BaseFolder) -> BaseFacts:
    """What the run says of a base.

    Args:
        digest: Of its content or version, if its address does not say it.
        base: What was seen of it.

    Raises:
        UserError: its tensors are not those of its architecture.
    """
    known = known_package(address)
    found = BaseFacts(
        address=address,
        digest=digest or address.rpartition("@")[2],
        architecture=base.architecture,
        decoder=base.kind in DECODERS,
        tensors=known.tensors if known else None,  # counted when it was looked at, and its files are compared
        notes=list(base.notes),
        licence=licence_of(address, base.files),
    )
    return found if known else account_for(base, found)


def whole_address(address: str) -> str:
    """`address`, or `ADAPTERS, on BASE` where adapters lie there and their base beside them.

    Raises:
        UserError: there are adapters that cannot be merged, or not with what is at hand.
    """
    if split_address(address) or is_weights_file(address):
        return address
    files = model_files(address)
    return join_address(address, look_at_adapters(files).base_at_hand()) if is_adapter(files) else address


def look(address: str) -> BaseFolder:
    """What lies at an address; of `ADAPTERS, on BASE` the base, after a look at whether the adapters fit it.

    Raises:
        UserError: it cannot be used.
    """
    both = split_address(address)
    if is_weights_file(address):
        return replace(look_at(model_files(str(folder_of(address)))), notes=(OF_TORCHVISION,))
    if not both:
        files = model_files(address)
        return look(whole_address(address)) if is_adapter(files) else look_at(files)
    files = model_files(both[0])
    adapters, base = look_at_adapters(files), look_at(model_files(both[1]), tokenizer=not _has_tokenizer(files))
    made = changes(adapters, base)
    return BaseFolder(
        base.files,
        base.config,
        base.tensors,
        base.inside,
        (*base.notes, f"The adapters of {both[0]} are merged into {len(made)} of its tensors."),
    )


def account_for(base: BaseFolder, facts: BaseFacts) -> BaseFacts:
    """`facts` with how many of the architecture's tensors come from `base`; as they are where no torch is at hand.

    Raises:
        UserError: not all of them do, or not all of the base's are used.
    """
    try:
        from stillhouse.components.models.weights import account
    except ModuleNotFoundError:  # the light image; prepare's image has it, and no GPU
        return facts
    found = account(base.config, base.tensors, facts.address)
    return facts.model_copy(update={"tensors": found.used, "notes": [*facts.notes, *found.notes()]})


def _has_tokenizer(files: ModelFiles) -> bool:
    return any(name in files.sizes for name in ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model"))
