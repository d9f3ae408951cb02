"""embedded gallery, its keypoints -> groups of images that show the same thing"""

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from kindred.runtime import arrow, cpu, job, tables
from kindred.runtime.stage import Stage
from kindred.search import keypoint_store, matching, object_groups
from kindred.search.reranking import ALONE, MIN_INLIERS


def main(s: Stage) -> str:
    ids, vectors = s.matrix("embedded", "features", ds.field("split") == tables.GALLERY)
    with keypoint_store.of_split(s, tables.GALLERY) as store:
        if store is None:
            s.facts = {"min_inliers": MIN_INLIERS}
            s.write_rows("groups", arrow.schema("groups").empty_table())
            return "without local features there are no groups"
        gallery = matching.gallery_of(ids, vectors, store)
        unlikely = object_groups.unlikely_pairs(vectors)
        least = object_groups.threshold(object_groups.inliers(gallery, unlikely, cpu.cores(), s.say))
        pairs = object_groups.candidate_pairs(vectors, cpu.cores())
        links = pairs[object_groups.inliers(gallery, pairs, cpu.cores(), s.say) >= least]
    groups = object_groups.groups(len(ids), links)
    count_of = np.bincount(links.ravel(), minlength=len(ids))
    rows = [
        {"group": int(groups[row]), "image_id": ids[row], "links": int(count_of[row])}
        for row in sorted(np.flatnonzero(groups != ALONE).tolist(), key=lambda row: (groups[row], -count_of[row], row))
    ]
    s.write_rows("groups", pa.Table.from_pylist(rows, arrow.schema("groups")))
    s.facts = {"min_inliers": least}
    count = int(groups.max(initial=ALONE)) + 1
    s.figures = {"groups/groups": count, "groups/images": len(rows), "groups/largest": int((groups == 0).sum())}
    s.figures |= {"groups/pairs": len(pairs), "groups/linked_pairs": len(links), "groups/min_inliers": least}
    return f"{count:,} groups of {len(rows):,} images; the same thing from {least} inliers on"


if __name__ == "__main__":
    job.run(main)
