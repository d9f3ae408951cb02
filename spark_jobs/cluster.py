"""features -> one clustering of all images, the same for every run on the same features with the same seed"""

import pyarrow.dataset as ds

from kindred.features import kmeans
from kindred.runtime import file_names, job, storage, tables
from kindred.runtime.cpu import cores
from kindred.runtime.stage import Stage
from kindred.studies.label_propagation.propagation import Clustering


def home(s: Stage, *, k: int, seed: int) -> str:
    """A folder below the features, named by everything that the clustering depends on."""
    code = storage.file_fingerprint(kmeans.__file__)
    return storage.join(s.folder_of("featurize"), "cluster", f"{k}-{seed}-{code}")


def main(s: Stage, *, k: int, seed: int) -> str:
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    arrays, losses = kmeans.kmeans_with_losses(features, k, cores(), seed)
    clustering = Clustering(*arrays)
    s.put_file(file_names.CLUSTERING, clustering.to_bytes())
    s.report(file_names.CENTROIDS, clustering.centroids_to_bytes())
    s.steps = {"mean_squared_distance": list(enumerate(losses, 1))}
    s.figures = {f"{s.name}/images": len(ids), f"{s.name}/mean_distance": float(clustering.distance.mean())}
    return f"{k:,} clusters of {len(ids):,} images, mean distance {clustering.distance.mean():.3f}"


if __name__ == "__main__":
    job.run(main, home)
