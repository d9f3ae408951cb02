"""features -> one clustering of all images, the same for every run on the same features with the same seed"""

import pyarrow.dataset as ds

from kindred import clusters, propagation, runs, stage
from kindred.jvm import cores


def home(s: stage.Stage, *, k: int, seed: int) -> str:
    """A folder below the features, named by everything that the clustering depends on."""
    code = runs.file_fingerprint(clusters.__file__)
    return runs.join(s.folder_of("featurize"), "cluster", f"{k}-{seed}-{code}")


def main(s: stage.Stage, *, k: int, seed: int) -> str:
    ids, features = s.matrix("features", "features", ds.field("split").isin(["train", "unlabeled"]))
    arrays, course = clusters.kmeans_and_course(features, k, cores(), seed)
    found = propagation.Clustering(*arrays)
    s.put_file(propagation.CLUSTERING, found.to_bytes())
    s.report(propagation.CENTROIDS, found.centroids_to_bytes())
    s.steps = {"mean_squared_distance": list(enumerate(course, 1))}
    s.figures = {f"{s.name}/images": len(ids), f"{s.name}/mean_distance": float(found.distance.mean())}
    return f"{k:,} clusters of {len(ids):,} images, mean distance {found.distance.mean():.3f}"


if __name__ == "__main__":
    stage.run(main, home)
