"""features -> one division of all images into clusters, the same for every run on the same features and seed"""

import numpy as np
import pyarrow.dataset as ds

from kindred.features import approximate_neighbours, kmeans, neighbours
from kindred.learning import (
    carried_over,
    cluster_splits,
    clusterings,
    lbfgs,
    memory_needs,
    networks,
    saved_clustering,
)
from kindred.learning.classifiers import logistic_regression
from kindred.learning.clusterers import communities
from kindred.learning.pseudo_label_types import Pool
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime import cpu, file_names, job, storage, tables, variants
from kindred.runtime.stage import Stage

CODE = (  # beside the clusterer's own file and its CODE, what its clusters depend on
    *(kmeans, neighbours, approximate_neighbours, cluster_splits, clusterings, saved_clustering),
    *(carried_over, logistic_regression, lbfgs, networks),
)


def home(s: Stage, *, clusterer: str, k: int | None, seed: int, carry_over: bool) -> str:
    """A folder below the features, named by everything that the clustering depends on."""
    k = k or int(s.facts_of("advise_k")["k"])
    s.arguments["k"] = k  # of whoever asked for it
    module = variants.load("clusterer", clusterer)
    files = [variants.source(part) for part in (module, *getattr(module, "CODE", ()), *CODE)]
    code = storage.fingerprint(carry_over, *map(storage.file_fingerprint, files))
    return storage.join(s.folder_of("featurize"), "cluster", f"{clusterer}-{k}-{seed}-{code}")


def main(s: Stage, *, clusterer: str, k: int, seed: int, carry_over: bool) -> str:
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    clustering = _carried_over(s, pool, clusterer, k, seed) if carry_over else _divided(s, pool, clusterer, k, seed)
    s.put_file(file_names.CLUSTERING, clustering.to_bytes())
    s.report(file_names.CENTROIDS, clustering.centroids_to_bytes())
    s.figures |= {
        f"{s.name}/images": len(ids),
        f"{s.name}/mean_distance": float(clustering.distance.mean()),
    }
    return f"{k:,} clusters of {len(ids):,} images, mean distance {clustering.distance.mean():.3f}"


def _divided(s: Stage, pool: Pool, clusterer: str, k: int, seed: int) -> SavedClustering:
    """The clusters as the clusterer numbers them: with its own centroids and loss by iteration, where it has them."""
    module = variants.load("clusterer", clusterer)
    if not hasattr(module, "with_losses"):
        found = clusterings.clustering(clusterer, pool, k, seed)
        return saved_clustering.with_means(pool.features, found.clusters, found.k)
    arrays, losses = module.with_losses(pool, k, seed)
    s.steps = {"mean_squared_distance": list(enumerate(losses, 1))}
    return SavedClustering(*arrays)


def _carried_over(s: Stage, pool: Pool, clusterer: str, k: int, seed: int) -> SavedClustering:
    """The clusters of any clusterer, the largest first, and the network that tells unseen images' clusters."""
    memory_needs.check(s.figures_of("ingest"), s.figures_of("featurize"), k)
    found = clusterings.clustering(clusterer, pool, k, seed)
    if found.collapsed:
        s.say(f"{clusterer} has found {found.found} of {k} clusters only; the largest are divided")
    clustering = saved_clustering.by_size(saved_clustering.with_means(pool.features, found.clusters, found.k))
    network = carried_over.fit(pool.features, clustering.cluster, found.k)
    s.put_file(file_names.NETWORK, network.to_bytes())
    s.facts = {"collapsed": found.collapsed}
    s.figures = {
        f"{s.name}/clusters_found": found.found,
        f"{s.name}/smallest": int(np.bincount(clustering.cluster).min()),
        f"{s.name}/modularity": communities.modularity(pool, clustering.cluster),
    }
    return clustering


if __name__ == "__main__":
    job.run(main, home)
