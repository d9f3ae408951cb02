"""The form of `open_images`."""

from airflow.sdk import Param

from kindred.runtime import stages
from kindred_airflow.forms import fields
from kindred_airflow.forms.self_training import COMMON, SELF_TRAINING

CLASSES = {
    "dataset": Param(
        stages.OPEN_IMAGES,
        type="string",
        enum=[stages.OPEN_IMAGES],
        title="Dataset",
        description="Open Images: this pipeline reads no other.",
    ),
    "path": fields.described(
        SELF_TRAINING["path"],
        "Folder, or s3://bucket/prefix, of the CSV files of Open Images under their official names: label tables, "
        "class-descriptions, images-with-rotation, the hierarchy. In a folder they may lie anywhere below it.",
    ),
    "classes": Param(
        ["Car", "Tree"],
        type="array",
        minItems=1,
        uniqueItems=True,
        items={"type": "string", "minLength": 1},
        title="Classes",
        description="Two classes or more, each by its name, such as Car, or by its id, such as /m/0k4j; of the task "
        "multi_label one is enough. A name that several classes have is refused with their ids.",
    ),
    "images": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Images",
        description="Folder or bucket of the images, such as s3://open-images-dataset, which holds "
        "<split>/<id>.jpg. It is not listed: the CSV files name the images. Empty: the folder of the CSV files.",
    ),
}

LABELS = {
    "label_source": Param(
        "human",
        type="string",
        enum=["human", "machine", "both"],
        title="Label source",
        description="human: labels that people have verified, present or absent. machine: those that a classifier "
        "finds probable. both: of a machine where people have said nothing.",
    ),
    "label_threshold": Param(
        0.8,
        type="number",
        minimum=0,
        maximum=1,
        title="Threshold of machine labels",
        description="From this probability on a class counts as present, below it is not known; images in which all "
        "classes are less probable are unlabelled.",
    ),
    "both": Param(
        "leave_out",
        type="string",
        enum=["leave_out", "keep_first"],
        title="Images of several classes",
        description="leave_out (recommended): they belong to none. keep_first: to the first of the classes above. "
        "Does nothing with the task multi_label, where they have all of them.",
    ),
}

OPEN_IMAGES = {
    **CLASSES,
    "task": COMMON["task"],
    "extractor": fields.choice("extractor", "inception_v3", "Feature extractor", str(COMMON["extractor"].description)),
    **{name: COMMON[name] for name in ("labels_per_class", "labels")},
    **fields.section("Labels of Open Images", LABELS),
    **{name: param for name, param in SELF_TRAINING.items() if name not in COMMON},
}
