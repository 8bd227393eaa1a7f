"""Sources on a Hugging Face hub: hf://owner/name[@revision][/config]."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from stillhouse.components.addresses import guarded, refuse_metadata
from stillhouse.components.storage.disk import staged_folder, sync_folder, writing
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

URL = re.compile(r"hf://(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[^/@]+))?(/(?P<config>[^/@]+))?/?")

FORMATS = {"arrow", "csv", "json", "parquet", "text"}
"""Loaders of datasets that are used; others may unpickle, or read what is no table."""

TIMEOUT = 20.0
"""Seconds the hub has for an answer."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """The parts of an hf:// URL; a '/' in the revision is written %2F."""

    repo: str
    revision: str = "main"
    config: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take the URL apart.

        Raises:
            UserError: it is not written like one.
        """
        if not (match := URL.fullmatch(url)):
            raise UserError(f"source '{url}' is not hf://owner/name[@revision][/config]; correct it.")
        return cls(match["repo"], unquote(match["revision"] or "main"), match["config"])


def list_hub(url: str) -> list[tuple[str, int, str]]:
    """Name, size in bytes and version of the repository's files; the version is the commit of the revision.

    Raises:
        UserError: the hub is out of reach, or does not show the repository or the revision.
    """
    info = _info(url)
    return sorted((file.rfilename, file.size or 0, info.sha) for file in info.siblings)


def fetch_hub(url: str, folder: Path) -> list[Path]:
    """Paths of the dataset's Parquet files, in a folder named after the commit; made once for each commit.

    Raises:
        UserError: as `list_hub`; or the repository's files are of a format that is not read.
    """
    commit = _info(url).sha
    target = folder / f"{commit}-{HubSource.parse(url).config or 'default'}"
    if not target.is_dir():
        with writing(target), staged_folder(target) as staged:
            written = staged / "dataset"
            _write_parquet(url, commit, folder / "cache", written)
            sync_folder(written)
            written.rename(target)
    return sorted(target.glob("*.parquet"))


def _write_parquet(url: str, commit: str, cache: Path, folder: Path) -> None:
    from datasets import disable_progress_bars, load_dataset_builder
    from datasets.exceptions import DatasetsError

    disable_progress_bars()  # their lines would fill the step's log
    source = HubSource.parse(url)
    try:
        with _hub_errors(url):
            builder = load_dataset_builder(source.repo, source.config, revision=commit, cache_dir=str(cache))
            if builder.name not in FORMATS:
                choice = ", ".join(sorted(FORMATS))
                raise UserError(f"source '{url}' holds '{builder.name}' files; only {choice} files are read.")
            _refuse_files_elsewhere(url, commit, builder.config.data_files or {})
            builder.download_and_prepare(str(folder), file_format="parquet")
    except (DatasetsError, FileNotFoundError) as error:
        raise UserError(f"source '{url}' cannot be read: {_first_line(error)}") from error


def _refuse_files_elsewhere(url: str, commit: str, data_files: Mapping[Any, list[str]]) -> None:
    """A repository's README may name any file as its data: one of this machine, or an address within its network."""
    own = f"hf://datasets/{HubSource.parse(url).repo}@{commit}/"
    for file in (file for files in data_files.values() for file in files):
        if not file.startswith(own) or ".." in file.split("/"):
            raise UserError(f"source '{url}' names data outside of its own repository ('{file}'); use another source.")


@contextmanager
def guarded_hub() -> Iterator["HfApi"]:
    """The hub that HF_ENDPOINT names; within the block nothing connects to a metadata address, wherever it leads.

    Raises:
        UserError: it is at such an address, or leads to one.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    refuse_metadata(api.endpoint, "a hub")
    with guarded():
        yield api


def _info(url: str) -> Any:
    source = HubSource.parse(url)
    with _hub_errors(url) as api:
        return api.dataset_info(source.repo, revision=source.revision, timeout=TIMEOUT, files_metadata=True)


@contextmanager
def _hub_errors(url: str) -> Iterator["HfApi"]:
    """The errors of huggingface_hub and datasets as one sentence."""
    from huggingface_hub import errors as hub

    try:
        with guarded_hub() as api:
            yield api
    except hub.GatedRepoError as error:
        raise UserError(f"source '{url}' is gated; ask its owner for access and set HF_TOKEN.") from error
    except hub.RepositoryNotFoundError as error:
        mend = "check the name, or set HF_TOKEN if it is private"
        raise UserError(f"source '{url}' does not exist on the hub; {mend}.") from error
    except hub.RevisionNotFoundError as error:
        raise UserError(f"source '{url}' has no such revision; name a branch, tag or commit.") from error
    except (hub.HTTPError, ConnectionError, TimeoutError) as error:
        mend = "check HF_ENDPOINT and the network, or copy the files here and name their folder"
        raise UserError(f"source '{url}': the hub cannot be read ({_first_line(error)}); {mend}.") from error
    except (ValueError, RuntimeError, LookupError) as error:
        raise UserError(f"source '{url}' cannot be read: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
