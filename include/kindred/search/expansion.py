"""Query expansion: a query's vector and those of images that were found for it, averaged, search once more.

Source: O. Chum et al., Total Recall: Automatic Query Expansion with a Generative Feature Model for Object Retrieval
(ICCV 2007); weights as in F. Radenovic et al., Fine-tuning CNN Image Retrieval with No Human Annotation (PAMI 2018,
section 5.3).
"""

import numpy as np

from kindred.search.reranking import Gallery, Query

ALPHA = 3.0  # a found image's weight is its cosine to this power; 0: all weigh the same, as in Chum et al.


def expanded(query: Query, gallery: Gallery, rows: np.ndarray, alpha: float = ALPHA) -> Query:
    """The query with the mean of its vector, weight 1, and those of gallery rows [n], each weighted by its cosine."""
    vectors = gallery.vectors[rows]
    weights = np.maximum(vectors @ query.vector, 0) ** alpha
    total = query.vector + weights @ vectors
    return Query((total / max(np.linalg.norm(total), 1e-12)).astype(np.float32), query.keypoints)
