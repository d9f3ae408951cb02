"""The form of `image_matching`."""

from airflow.sdk import Param

from kindred.runtime import variants
from kindred_airflow.forms import fields
from kindred_airflow.forms.self_training import IMAGES, SELF_TRAINING

MATCHING = {
    "embedder": fields.choice(
        "embedder",
        variants.AUTO,
        "Embedder",
        "Makes vectors of the features in which alike images are near. Without labels: none; half_whitened, which "
        "evens out what all images share. By the labels of training images: supcon, triplet, siamese, arcface, "
        "softmax. auto: supcon where most classes have 10 training images or more, and there are 100, else "
        "half_whitened. From the pixels (extractor pixels, image size 48), to compare with published methods, and far "
        "worse than a pretrained network: convnet and siamese_network with labels, autoencoder and "
        "variational_autoencoder without.",
    ),
    "augment": Param(
        variants.NONE,
        type="string",
        enum=list(variants.AUGMENTS),
        title="Augmentation",
        description="What embedders that learn from labels see of the training images beside them. flips: their mirror "
        "images, where left and right do not matter; features of these are made once.",
    ),
    "local_features": Param(
        variants.NONE,
        type="string",
        enum=[variants.NONE, *variants.names("local_features")],
        title="Local features",
        description="Keypoints of queries and gallery, for the re-rankers that verify matches. none: faster, and "
        "enough for classes of things. sift: for this very building, product or page.",
    ),
    "reranker": fields.choice(
        "reranker",
        variants.AUTO,
        "Re-ranker",
        "Improves the order by distance. auto: verified_expansion where there are local features, else k_reciprocal "
        "where the embedder knows no labels, else none. "
        "query_expansion: by the mean of the first matches. k_reciprocal: by the neighbours in common, where most "
        "queries have many images to find. verified: by keypoints that fit one homography. verified_expansion: by the "
        "mean of verified matches, then the neighbours in common. The last two need local features; the report says "
        "what a step was worth.",
    ),
    "matches": Param(
        10, type="integer", minimum=1, maximum=1000, title="Matches", description="Images to list for each query."
    ),
}

IMAGE_MATCHING = {
    "dataset": fields.choice(
        "dataset", "image_folder", "Dataset", "One with the splits query and gallery: image_folder or parquet."
    ),
    **{name: SELF_TRAINING[name] for name in ("path", "extractor")},
    **MATCHING,
    **{name: SELF_TRAINING[name] for name in IMAGES},
    "leaks": fields.described(
        SELF_TRAINING["leaks"], "Training images that are copies of queries: drop (recommended), or keep."
    ),
    "seed": SELF_TRAINING["seed"],
}
