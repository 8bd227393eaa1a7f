"""Sources on a Hugging Face hub: hf://owner/name[@revision][/config]."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from stillhouse.components.safety.addresses import guarded, refuse_metadata
from stillhouse.components.storage.digests import files_below
from stillhouse.components.storage.disk import staged_folder, sync_folder, writing
from stillhouse.components.storage.layouts import data_names
from stillhouse.components.storage.names import path_inside
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

URL = re.compile(r"hf://(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[^/@]+))?(/(?P<config>[^/@]+))?/?")

FORMATS = {"arrow", "csv", "json", "parquet", "text"}
"""Loaders of datasets that are used; others may unpickle, or read what is not a table."""

README = "README.md"
"""Says, among others, what classes the numbers of a column stand for."""

ELSEWHERE = "copy the files here and name their folder"
"""What always helps."""
TIMEOUT = 20.0
"""Seconds the hub has for an answer."""

PARTIAL = 206
"""Status of an answer that is the part that was asked for; a server may send the whole."""


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
    data_names((file.rfilename for file in info.siblings), url)  # refuses what the library would read with deleted rows
    return sorted((file.rfilename, file.size or 0, info.sha) for file in info.siblings)


def fetch_hub(url: str, folder: Path) -> list[Path]:
    """Paths of the dataset's own files, as they are, in a folder named after the commit; fetched once for each commit.

    Which files these are, and to which split each belongs, is found as the Hugging Face library finds it: by the
    README's `configs`, else by the names of files and folders. The split is in the name of each file.

    Raises:
        UserError: as `list_hub`; or the repository's files are of a format that is not read.
    """
    commit = _info(url).sha
    target = folder / f"{commit}-{HubSource.parse(url).config or 'default'}-files"
    if not target.is_dir():
        with writing(target), staged_folder(target) as staged:
            written = staged / "dataset"
            written.mkdir()
            _fetch_files(url, commit, folder / "cache", written)
            sync_folder(written)
            written.rename(target)
    return [path for _, path in files_below(target)]


def _fetch_files(url: str, commit: str, cache: Path, folder: Path) -> None:
    from datasets import disable_progress_bars, load_dataset_builder
    from datasets.exceptions import DatasetsError
    from huggingface_hub.utils import disable_progress_bars as disable_download_bars

    disable_progress_bars()  # their lines would fill the step's log
    disable_download_bars()
    source = HubSource.parse(url)
    try:
        with _hub_errors(url):
            builder = load_dataset_builder(source.repo, source.config, revision=commit, cache_dir=str(cache))
            if builder.name not in FORMATS:
                choice = ", ".join(sorted(FORMATS))
                raise UserError(f"source '{url}' holds '{builder.name}' files; only {choice} files are read.")
            data_files: Mapping[Any, list[str]] = builder.config.data_files or {}
            _refuse_files_elsewhere(url, commit, data_files)
            if builder.name == "text":  # lines of text, of which there is no other reading
                builder.download_and_prepare(str(folder), file_format="parquet")
                return
        own = _address(url, commit)
        named = {(str(split), file.removeprefix(own)) for split, files in data_files.items() for file in files}
        with _hub_errors(url) as api:
            for split, name in sorted(named):
                place = path_inside(folder, _with_split(name, split), f"source '{url}'")
                _fetch_file(api, source.repo, name, commit, cache, place)
            if any(file.rfilename == README for file in _info(url).siblings):
                _fetch_file(api, source.repo, README, commit, cache, folder / README)
    except (DatasetsError, FileNotFoundError) as error:
        raise UserError(f"source '{url}' cannot be read ({_first_line(error)}); {ELSEWHERE}.") from error


def _fetch_file(api: "HfApi", repo: str, name: str, commit: str, cache: Path, place: Path) -> None:
    found = api.hf_hub_download(repo, name, repo_type="dataset", revision=commit, cache_dir=str(cache / "files"))
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found, place)
    Path(found).resolve().unlink(missing_ok=True)  # the copy is what stays


def _with_split(name: str, split: str) -> str:
    """The file's name with its split in it, where it is not its first word."""
    folder, _, file = name.rpartition("/")
    if not re.match(rf"{re.escape(split)}(?![a-z])", file, re.IGNORECASE):
        stem, dot, ends = file.partition(".")
        file = f"{stem}-{split}{dot}{ends}"
    return f"{folder}/{file}" if folder else file


def _address(url: str, commit: str) -> str:
    """What the library calls the repository."""
    return f"hf://datasets/{HubSource.parse(url).repo}@{commit}/"


def _refuse_files_elsewhere(url: str, commit: str, data_files: Mapping[Any, list[str]]) -> None:
    """A repository's README may name any file as its data: one of this machine, or an address within its network."""
    own = _address(url, commit)
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


def list_model(url: str) -> dict[str, int]:
    """Sizes in bytes of a model repository's files, by name.

    Raises:
        UserError: the hub is out of reach, or does not show the repository or the revision.
    """
    name, _, revision = url.removeprefix("hf://").partition("@")
    with _hub_errors(url, "base") as api:
        info = api.model_info(name, revision=revision or None, timeout=TIMEOUT, files_metadata=True)
    return {file.rfilename: file.size or 0 for file in info.siblings or []}


def read_part(name: str, revision: str, file: str, start: int, stop: int) -> bytes:
    """Bytes of a model repository's file, from `start` to before `stop`.

    Raises:
        UserError: the hub is out of reach, or answers otherwise.
    """
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    with _hub_errors(f"hf://{name}@{revision}", "base") as api:
        address = hf_hub_url(name, file, revision=revision, endpoint=api.endpoint)
        asked = {**build_hf_headers(), "range": f"bytes={start}-{stop - 1}"}
        answer = get_session().get(address, headers=asked, timeout=TIMEOUT, follow_redirects=True)
        hf_raise_for_status(answer)
        whole = answer.status_code != PARTIAL
        return answer.content[start:stop] if whole else answer.content


def _info(url: str) -> Any:
    source = HubSource.parse(url)
    with _hub_errors(url) as api:
        return api.dataset_info(source.repo, revision=source.revision, timeout=TIMEOUT, files_metadata=True)


@contextmanager
def _hub_errors(url: str, what: str = "source") -> Iterator["HfApi"]:
    """The errors of huggingface_hub and datasets as one sentence, about a source or a base."""
    from huggingface_hub import errors as hub

    try:
        with guarded_hub() as api:
            yield api
    except hub.GatedRepoError as error:
        raise UserError(f"{what} '{url}' is gated; ask its owner for access and set HF_TOKEN.") from error
    except hub.RepositoryNotFoundError as error:
        mend = "check the name, or set HF_TOKEN if it is private"
        raise UserError(f"{what} '{url}' does not exist on the hub; {mend}.") from error
    except hub.RevisionNotFoundError as error:
        raise UserError(f"{what} '{url}' has no such revision; name a branch, tag or commit.") from error
    except (hub.HTTPError, ConnectionError, TimeoutError) as error:
        mend = f"check HF_ENDPOINT and the network, or {ELSEWHERE}"
        raise UserError(f"{what} '{url}': the hub cannot be read ({_first_line(error)}); {mend}.") from error
    except (ValueError, RuntimeError, LookupError) as error:
        raise UserError(f"{what} '{url}' cannot be read ({_first_line(error)}); {ELSEWHERE}.") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
