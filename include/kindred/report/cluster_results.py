"""What the stages of a run without labels have left, as far as its page shows it."""

import pandas as pd
import pyarrow.dataset as ds

from kindred.report.clusters_section import Clusters
from kindred.runtime import arrow, stages
from kindred.runtime.run_reader import RunReader


def read(reader: RunReader) -> Clusters | None:
    """The clusters of a run; None where it is one of another kind."""
    if not reader.finished(stages.SCORE_CLUSTERS):
        return None
    named = reader.facts_of(stages.CHOOSE_LABELS)
    names, clustering = named["names"], named["clustering"]
    method, number = stages.clusterer_and_try(clustering)
    chosen = (ds.field("method") == method) & (ds.field("seed") == number)
    own = reader.rows("clusters", ["image_id", "cluster"], chosen).to_pandas()
    truth = own["image_id"].map(arrow.by_id(reader.rows("truth")))
    return Clusters(
        names=names,
        clustering=clustering,
        k=reader.params().get("k"),
        advised=reader.facts_of(stages.ADVISE_K),
        sizes=reader.rows("cluster_sizes", ["cluster", "images"], chosen).sort_by("cluster")["images"].to_pylist(),
        prototypes=reader.rows("prototypes").to_pandas(),
        advice=reader.rows("advice").to_pandas(),
        composition=_composition(truth, own["cluster"], len(names)),
        command=named.get("command"),
    )


def _composition(truth: pd.Series, clusters: pd.Series, k: int) -> pd.DataFrame:
    """How many images of each known class are in each cluster, whose columns are numbers from 1."""
    known = truth.notna()
    table = pd.crosstab(truth[known], clusters[known] + 1)
    return table.reindex(columns=range(1, k + 1), fill_value=0).rename(columns=str) if len(table) else pd.DataFrame()
