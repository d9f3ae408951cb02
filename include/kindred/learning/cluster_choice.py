"""The choice among clusterings without labels, by the information that one shares with what has not made it: with the
clusters of an image's neighbours, and with the clusterings of the other methods.

Source: A. Strehl, J. Ghosh, Cluster Ensembles (Journal of Machine Learning Research 2002, section 3.1): of several
clusterings the best shares most normalised mutual information with all others. Neighbours are added because methods of
one kind also agree on what they get wrong; neighbours alone prefer clusters of the graph, which join classes.
"""

from collections.abc import Collection, Mapping

import numpy as np

from kindred.learning import representatives
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime.errors import InputError


def choose(
    pool: Pool, clusterings: Mapping[str, np.ndarray], collapsed: Collection[str] = ()
) -> tuple[str, dict[str, float]]:
    """The name of the best of the clusterings [n] of a pool, and the value of each, 0 to 1. A name is that of the
    method, or `<method>-<seed>`; those that are `collapsed` are not chosen.

    Raises InputError where there is none, or all of them have collapsed.
    """
    from sklearn.metrics import normalized_mutual_info_score

    names = [name for name in clusterings if name not in collapsed]
    if not names:
        raise InputError(f"no clustering to choose from: {', '.join(clusterings) or 'none'}; give a smaller k")
    k = max(int(clusters.max()) + 1 for clusters in clusterings.values())
    images, of_neighbours = representatives.judges(pool, k)
    values = {}
    for name, clusters in clusterings.items():
        others = [clusterings[other] for other in names if _method(other) != _method(name)]
        shared = [normalized_mutual_info_score(clusters[images], other[images]) for other in others]
        with_neighbours = representatives.shared_information(clusters[images], clusters[of_neighbours])
        values[name] = float(np.mean([with_neighbours, np.mean(shared)] if shared else with_neighbours))
    return max(names, key=lambda name: values[name]), values


def _method(name: str) -> str:
    return name.split("-")[0]
