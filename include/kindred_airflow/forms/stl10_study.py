"""The form of `stl10_study`: what the study leaves open."""

from kindred_airflow.forms import fields
from kindred_airflow.forms.self_training import SELF_TRAINING

STL10_STUDY = {
    "path": fields.described(
        SELF_TRAINING["path"],
        "The official archive stl10_binary.tar.gz, or the folder that holds it or its unpacked files. Empty: it is "
        "downloaded once (2.6 GB).",
    ),
    "extractor": fields.choice(
        "extractor",
        "mobilenet_v2",
        "Feature extractor",
        "Turns each image into a feature vector. The study uses features of a pretrained network.",
    ),
    **{
        name: SELF_TRAINING[name]
        for name in ("limit", "image_size", "weights", "preprocessing", "output", "precision", "seed")
    },
}
