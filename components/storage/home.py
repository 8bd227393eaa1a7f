"""Where a step keeps what outlives it."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from stillhouse.components.config.home import home_folder
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.store import Store, open_store

CACHE = "cache"
"""In the home folder: entries of kfp.local's cache, one JSON file for each step that was run."""
OUTPUTS = "pipeline"
"""In the home folder: what the steps of local runs have made, as <pipeline and time>/<step>; the cache leads here."""
SOURCES = "sources"
"""In the home folder: copies of data that lies elsewhere."""
FETCHED = "fetched"
"""In the home folder: copies of models that lie elsewhere."""
DOWNLOADS = "downloads"
"""In the home folder: copies of models that MLflow keeps elsewhere."""
TEMPORARY = "temporary"
"""In the folder of a run: a link to its temporary files, which would be left for good if it were killed."""


def local_store() -> Store:
    """The store that STILLHOUSE_STORE names; `store` in the home folder when it is not set."""
    return open_store(os.environ.get("STILLHOUSE_STORE") or home_folder() / "store")


def at_work(run_id: str, home: Path) -> AbstractContextManager[None]:
    """For the time of the block the run keeps its folder and all that it may take over from earlier runs."""
    return hold(open_store(home), run_id, CACHE, OUTPUTS, SOURCES, FETCHED, DOWNLOADS, run=run_id)
