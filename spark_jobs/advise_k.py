"""features -> how many clusters there may be: what each advisor says, and a range"""

import pyarrow as pa
import pyarrow.dataset as ds

from kindred.features import approximate_neighbours, kmeans, neighbours
from kindred.learning import cluster_advice, memory_needs
from kindred.learning.clusterers import communities, spectral
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import cpu, job, storage, tables
from kindred.runtime.stage import Stage

CODE = (cluster_advice, communities, spectral, kmeans, neighbours, approximate_neighbours)


def home(s: Stage, *, seed: int) -> str:
    """A folder below the features, named by everything that the advice depends on."""
    code = storage.fingerprint(*(storage.file_fingerprint(module.__file__) for module in CODE))
    return storage.join(s.folder_of("featurize"), "advise_k", f"{seed}-{code}")


def main(s: Stage, *, seed: int) -> str:
    memory_needs.check(s.figures_of("ingest"), s.figures_of("featurize"), cluster_advice.MAX_K)
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    said = cluster_advice.advice(pool, seed, s.say)
    rows = [(one.advisor, k, float(value)) for one in said for k, value in one.curve]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    s.write_rows("advice", pa.table(columns, ["advisor", "k", "value"]))
    chosen = cluster_advice.chosen(said)
    s.facts = {"low": chosen.low, "high": chosen.high, "k": chosen.k, "said": {one.advisor: one.k for one in said}}
    s.figures = {f"advisor/{one.advisor}/k": one.k for one in said}
    s.figures |= {"advise_k/low": chosen.low, "advise_k/high": chosen.high, "advise_k/k": chosen.k}
    if (recall := pool.graph_recall()) is not None:
        s.figures["advise_k/graph_recall"] = recall
    between = f"{chosen.low} to {chosen.high}" if chosen.low < chosen.high else f"{chosen.k}"
    return f"{between} clusters by the graph of neighbours; {chosen.k} change least when images are left out"


if __name__ == "__main__":
    job.run(main, home)
