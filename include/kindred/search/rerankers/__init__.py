"""Re-rankers: they put the images that were found for a query into another order. One file each; the file's name is
the re-ranker's.

A re-ranker gives

    NEEDS_KEYPOINTS    whether it compares keypoints; it then raises InputError for a gallery without local features

    rerank(query, gallery, ranking) -> Ranking    of a `reranking.Query`, a `Gallery` and the `Ranking` that
                                                  `reranking.nearest` gave: as many rows, each once, and the same for
                                                  the same input. The docstring says what its distances are

One that searches again may give other rows than it got. A gallery may have fewer images than a constant asks for, one
image or several with the same vector; query and images may be without keypoints.
"""
