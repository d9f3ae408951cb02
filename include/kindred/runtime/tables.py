"""Every table once: its columns (as Spark's DDL), the stage that writes it, and who may read it."""

from dataclasses import dataclass

from kindred.runtime.errors import InputError

TRAIN, UNLABELED, TEST = SPLITS = ("train", "unlabeled", "test")
LEARNED_FROM = (TRAIN, UNLABELED)  # the images that models and labellers may learn from
QUERY, GALLERY = MATCHED = ("query", "gallery")  # images to match with each other: no classifier learns from them
TESTED_ON = (TEST, QUERY)  # the images whose copies are no images to learn from
VERSION = 3  # part of each dataset's fingerprint: raise it when stored tables must be made again


@dataclass(frozen=True)
class Table:
    """The columns in Spark's DDL, the stage that writes the table, and the stages that may read it (None: any)."""

    columns: str
    writer: str
    readers: tuple[str, ...] | None = None


DEFAULTS = {"present": True}  # of columns that writers may leave out, and older tables lack
LABEL_COLUMNS = "image_id string, label string, present boolean, confidence double, source string"
OUT_OF_FOLD_COLUMNS = "image_id string, fold int, model string, prediction string, probabilities array<float>"
PREDICTION_COLUMNS = "image_id string, split string, prediction string, confidence double, probabilities array<float>"

TABLES = {
    # All images; content is an encoded PNG or JPEG file; the key is (image_id, split).
    "images": Table(
        "image_id string, split string, origin string, height int, width int, channels int, content binary", "ingest"
    ),
    # Every known label, whatever the run's label budget: no stage that fits may read it, but for a study's cell, which
    # chooses its labels, fits and scores in one process. Of several labels an image a row for each class that is known
    # of it, present or absent; without a row it is unknown.
    "truth": Table(
        "image_id string, label string, present boolean",
        "ingest",
        ("choose_labels", "evaluate", "score_clusters", "score_matches", "attack", "report", "compare", "cell"),
    ),
    "rejected": Table("origin string, split string, reason string", "ingest"),
    # What became of each image file, as it was then: by these three a later version of the dataset knows it again. Only
    # of datasets that have a file for each image.
    "sources": Table(
        "origin string, size bigint, version string, image_id string, height int, width int, channels int, "
        "reason string",
        "ingest",
    ),
    # Of images to match, where the user has listed some: those of the gallery that are neither right nor wrong for a
    # query, in no way a hint to what finds or orders them.
    "junk": Table("query_id string, image_id string", "ingest", ("score_matches", "report")),
    # Of several labels an image, as its label rows say it: for each label on how many images of the set it is present,
    # verified absent, or unknown; how many rows there are, how many of them say present, and of how many images two
    # persons disagree. rank is from 1, by present; name is null where the dataset has none.
    "label_counts": Table(
        "rank int, label string, name string, rows int, positive_rows int, present int, absent int, unknown int, "
        "contradicting int",
        "label_map",
    ),
    # For two of the most frequent labels, `label` the more frequent one: on how many images both are known, both
    # present, and each present among these; phi over these, null where one is present on all of them or on none.
    "label_pairs": Table(
        "label string, other string, known int, both int, label_present int, other_present int, phi double", "label_map"
    ),
    "labels_per_image": Table("labels int, images int", "label_map"),  # how many images have how many present labels
    "image_sizes": Table("height int, width int, images int", "label_map"),  # the most frequent
    # The run's images that show several of its classes, and which, joined; with one label an image each has the first.
    "several_classes": Table("image_id string, classes string", "label_map"),
    "features": Table("image_id string, split string, features array<float>", "featurize"),
    # Of the mirror images of the training images, where a run learns from them too.
    "mirrored": Table("image_id string, split string, features array<float>", "featurize"),
    # Of a run without labels: what each advisor says of each number of clusters.
    "advice": Table("advisor string, k int, value double", "advise_k"),
    # The cluster of each image, numbered from 0, by clusterer and number of the try; probabilities of the chosen
    # clustering alone, which has the test images too.
    "clusters": Table(
        "image_id string, split string, method string, seed int, cluster int, probabilities array<float>",
        "choose_labels",
    ),
    "cluster_sizes": Table("method string, seed int, cluster int, images int", "choose_labels"),
    # Images that show what the chosen clusters are; kind is central or border, rank is from 1.
    "prototypes": Table("cluster int, rank int, image_id string, kind string", "choose_labels"),
    "labels": Table(LABEL_COLUMNS, "choose_labels"),
    # Of queries and gallery: vectors of unit length, and the local features of `keypoints.Keypoints.to_bytes`.
    "embedded": Table("image_id string, split string, features array<float>", "embed"),
    "keypoints": Table("image_id string, split string, keypoints binary", "keypoints"),
    # The gallery's images that show the same thing, the largest group is 0; to how many others of it each is linked.
    "groups": Table("group int, image_id string, links int", "groups"),
    # For each query its gallery images, the first of rank 1; where keypoints were compared, how many agree with one
    # homography, whether these are enough to be the same thing, and the homography (3 x 3, row by row, from pixels of
    # the query to pixels of the image).
    "matches": Table(
        "query_id string, rank int, image_id string, distance double, inliers int, same boolean, "
        "homography array<double>",
        "match",
    ),
    # The order of the gallery for each query after each step (features, embedded, reranked): the first ones' ids.
    "rankings": Table("query_id string, step string, image_ids array<string>", "match"),
    # Which fold each given label belongs to, and what a model that did not see the fold predicts for it.
    "out_of_fold": Table(OUT_OF_FOLD_COLUMNS, "train_base"),
    "predictions_base": Table(PREDICTION_COLUMNS, "train_base"),
    # Accepted pseudo-labels: every labeller's probability of the label (and the image's novelty), and the nearest given
    # images.
    "pseudo_labels": Table(
        f"{LABEL_COLUMNS}, weight double, round int, scores map<string, double>, nearest array<string>", "pseudo_label"
    ),
    # The labels that the other unlabelled images would have got, and why they were refused.
    "refused": Table(
        "image_id string, label string, present boolean, confidence double, reason string, scores map<string, double>",
        "pseudo_label",
    ),
    # Accepted ones for each fold, by the base model that did not see the fold: only cross-validation reads them.
    "pseudo_labels_by_fold": Table(f"fold int, {LABEL_COLUMNS}, weight double", "pseudo_label"),
    # The same of the model of train_final; the gate makes it the final model, or base.
    "out_of_fold_candidate": Table(OUT_OF_FOLD_COLUMNS, "train_final"),
    "predictions_candidate": Table(PREDICTION_COLUMNS, "train_final"),
    "predictions_final": Table(PREDICTION_COLUMNS, "gate"),
    # The shards of the search index by part (vectors: the gallery, queries: the test images, pictures), which lie
    # beside this table as files (`shards.py`, `pictures.py`), and in JSON the checksums of these files; null in older
    # runs.
    "index": Table("part string, shard int, images int, checksums string", "build_index"),
    # The result of the job `search`: for each query its nearest images, the first of rank 1.
    "neighbours": Table(
        "query_id string, rank int, image_id string, distance double, prediction string, confidence double, "
        "duplicate boolean, query_origin string, origin string, label string",
        "search",
    ),
    # What became of each test image under each black-box attack on each model (base, final). queries are those spent
    # until success, or the budget; 0 where the model was wrong before. distance is in units of the pixel range.
    "attacks": Table(
        "image_id string, model string, attack string, label string, before string, after string, confidence double, "
        "success boolean, queries int, distance double",
        "attack",
    ),
    # A few of them to look at, with the probability of the true class after so many queries.
    "attack_pictures": Table(
        "image_id string, model string, attack string, original binary, attacked binary, before string, "
        "before_confidence double, after string, after_confidence double, queries array<int>, "
        "true_confidence array<float>",
        "attack",
    ),
    # The result of the DAG predict for a folder of images: label and probabilities, or the reason why there are none;
    # none_of_these is null where the run has not learned it.
    "labelled_images": Table(
        "origin string, label string, confidence double, none_of_these boolean, probabilities array<float>, "
        "reason string",
        "predict",
    ),
}


def table(name: str) -> Table:
    """The table's entry; raises InputError, with the known names, for an unknown one.

    >>> table("truth").writer
    'ingest'
    """
    if name not in TABLES:
        raise InputError(f"unknown table {name!r}; known: {', '.join(sorted(TABLES))}")
    return TABLES[name]


def defaults(name: str) -> dict[str, bool]:
    """DEFAULTS of the table's columns; a count of the same name has none.

    >>> defaults("truth"), defaults("label_counts")
    ({'present': True}, {})
    """
    columns = table(name).columns.split(", ")
    return {column: value for column, value in DEFAULTS.items() if f"{column} boolean" in columns}


def check_reader(name: str, stage: str) -> Table:
    """The table's entry, if the stage may read it; raises InputError where it may not. `cell/all` is a `cell`."""
    entry = table(name)
    if entry.readers is not None and stage.split("/")[0] not in entry.readers:
        raise InputError(f"stage {stage!r} may not read {name!r}; its readers: {', '.join(entry.readers)}")
    return entry
