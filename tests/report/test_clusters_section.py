"""The section on clusters."""

from dataclasses import replace

import numpy as np
import pandas as pd

from kindred.report import clusters_section
from kindred.report.clusters_section import Clusters
from kindred.report.pictures import Pictures
from report_run import text_of

CLUSTERS = Clusters(
    names=["cat", "cluster 2"],
    clustering="temi-1",
    k=None,
    advised={"low": 2, "high": 3, "k": 2, "said": {"communities": 2}},
    sizes=[5, 3],
    prototypes=pd.DataFrame(
        [(0, 1, "a", "central"), (1, 1, "b", "central"), (0, 1, "a", "border"), (1, 1, "c", "border")],
        columns=["cluster", "rank", "image_id", "kind"],
    ),
    advice=pd.DataFrame({"advisor": "communities", "k": [2, 3], "value": [0.5, 0.2]}),
    composition=pd.DataFrame(),
    command="make run CONF=...",
)
FIGURES = {
    "clusters/temi/modularity": 0.5,
    "clusters/temi-0/criterion": 0.4,
    "clusters/temi-1/criterion": 0.6,
    "clusters/chosen/modularity": 0.5,
}
PICTURES = Pictures(dict.fromkeys("abc", np.zeros((8, 8, 3), np.uint8)), {i: f"/photos/{i}.jpg" for i in "abc"})


def test_clusters_with_numbers_are_shown_with_the_way_to_name_them() -> None:
    section = clusters_section.section(CLUSTERS, FIGURES, PICTURES)

    assert section.headline == "2 clusters by temi, of 3 to 5 images. No class is known to compare them with."
    text = text_of(section)
    assert "These clusters have numbers for names" in text
    assert "make run CONF=..." in text
    assert "There may be 2 to 3 clusters by the graph of neighbours; of these 2 change least" in text
    assert {"clusters-central.png", "clusters-border.png", "clusters-advice.svg", "clusters-methods.csv"} <= set(
        section.files()
    )


def test_known_classes_are_compared_and_the_run_says_its_own_number() -> None:
    figures = {**FIGURES, "clusters/chosen/accuracy": 0.75, "clusters/chosen/nmi": 0.5}
    figures |= {"named/accuracy": 0.7, "named/labels": 2.0}
    composition = pd.DataFrame({"1": [4, 1], "2": [0, 3]}, index=["cat", "dog"])

    section = clusters_section.section(replace(CLUSTERS, composition=composition, command=None, k=2), figures, PICTURES)

    assert section.headline.endswith("Matched with the known classes, 75.0% of test images are right (NMI 0.500).")
    assert section.files()["clusters-classes.csv"] == b"class,1,2\ncat,4,0\ndog,1,3\n"
    text = text_of(section)
    assert "These clusters have numbers" not in text
    assert "The param k of this run is 2." in text
    assert "its clusters named by 2 labels: accuracy 70.0% on test images" in text


def test_a_clusterer_has_a_row_with_the_mean_of_its_tries() -> None:
    (row,) = clusters_section.method_table(FIGURES).to_dict("records")

    assert row["clusterer"] == "temi"
    assert row["modularity"] == row["criterion of the choice"] == "0.5000"
    assert row["accuracy"] == ""


def test_every_picture_is_asked_for_once() -> None:
    assert clusters_section.pictured(CLUSTERS) == ["a", "b", "c"]
