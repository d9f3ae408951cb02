"""The fields of the black-box attacks."""

from airflow.sdk import Param

from kindred_airflow.forms import fields

ATTACKS = ["simba_l2", "square_l2", "square_linf"]

_FIELDS = {
    "attack": Param(
        False,
        type="boolean",
        title="Attack the models",
        description="Measure robustness: run black-box attacks on base and final with test images, and compare them.",
    ),
    "attacks": Param(
        ATTACKS,
        type="array",
        minItems=1,
        uniqueItems=True,
        items={"type": "string", "enum": ATTACKS},
        examples=ATTACKS,
        title="Attacks",
        description="SimBA changes one pixel at a time, Square Attack one square at a time. The norm (l2, linf) limits "
        "the change.",
    ),
    "attack_images": fields.optional_count("Number of attacked images", "Empty: 200, or 50 with a network extractor."),
    "attack_queries": fields.optional_count(
        "Queries per image",
        "Maximum number of model queries per attack and image. Empty: 1,000, or 500 with a network extractor.",
    ),
    "attack_epsilon_linf": fields.optional_bound(
        "L-infinity bound",
        "Largest change of a pixel value; 1 is the range from black to white. Empty: 0.3 / sqrt(image side in pixels), "
        "which is 8/255 (0.03) at 96 px, usual for photographs, and 0.11 at 8 px.",
        1,
    ),
    "attack_epsilon_l2": fields.optional_bound(
        "L2 bound",
        "Largest L2 norm of the change; 1 is one value changed from black to white. Empty: half the default L-infinity "
        "bound in every value, which is 2.6 at 96 px in colour and 0.42 at 8 px in grey.",
    ),
}

ATTACK = fields.section("Robustness: black-box attacks", _FIELDS)
