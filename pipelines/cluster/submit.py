"""A run on a cluster: the recipe compiled, its data where pods find it, and started."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.storage.store import open_store
from stillhouse.components.storage.urls import is_local, local_path
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import Cluster
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_pipeline
from stillhouse.pipelines.recipes.recipe import Recipe

UPLOADS = "uploads"
"""Keys are uploads/DIGEST: sources that lay on somebody's machine, by what they hold."""
OUT_OF_REACH = (
    "The source '{}' lies on this machine, where no pod finds it; give --store, which submit copies it to, or "
    "--set data.source=s3://..."
)


def submit(cluster: Cluster, recipe: Recipe, options: ClusterOptions, *, cache: bool = True) -> str:
    """Start a run of `recipe` and return its id.

    A source on this machine is copied to the store first, under the digest of what it holds: the same data is copied
    once, and pods are cached on it.

    Args:
        cache: whether steps may take over what an earlier run made of the same.

    Raises:
        UserError: KFP refuses, or the source lies on this machine and there is no store to copy it to.
    """
    parameters = recipe.parameters()
    if is_local(recipe.data.source):
        parameters["data_source"] = upload_source(recipe.data.source, options.store)
    experiment = cluster.experiment(recipe.name)
    with TemporaryDirectory() as folder, cluster.speaking():
        path = Path(folder) / f"{recipe.name}.yaml"
        compile_pipeline(parameters, path, options, cache=cache)
        started = cluster.client.run_pipeline(
            experiment_id=experiment,
            job_name=f"{recipe.name} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            pipeline_package_path=str(path),
            pipeline_root=options.pipeline_root or None,
            service_account=options.service_account or None,
        )
    return started.run_id


def upload_source(source: str, store_url: str) -> str:
    """Copy data of this machine to the store, unless it is there, and return its address.

    Raises:
        UserError: no store is named, or it cannot be written from here.
    """
    if not store_url:
        raise UserError(OUT_OF_REACH.format(source))
    store, path = open_store(store_url), local_path(source)
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"  # beside the manifest, which is no data
        if path.is_dir():
            shutil.copytree(path, data)
        else:
            data.mkdir()
            shutil.copy(path, data)
        key = f"{UPLOADS}/{digest_folder(data)}"
        store.put_folder(folder, key)
    return store.uri(f"{key}/data")
