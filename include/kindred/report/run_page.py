"""The page of one run: its sections in their order, and the images of which they show pictures. With several labels an
image it is `multi_label_page`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kindred.data.near_duplicates import NearDuplicates
from kindred.report import (
    clusters_section,
    curves_section,
    data_section,
    embedding_map_section,
    html_page,
    labels_section,
    mistakes_section,
    page_head,
    pseudo_labels_section,
    published_study_section,
    robustness_section,
    verdict_section,
)
from kindred.report.blocks import Section
from kindred.report.data_section import ImageCounts
from kindred.report.embedding_map_section import MAX_PICTURES, MappedImages
from kindred.report.pictures import Pictures
from kindred.report.rejected_blocks import RejectedFiles
from kindred.report.run_results import RunResults
from kindred.runtime import file_names
from kindred.runtime.run_reader import RunReader


def pictured(run: RunResults, duplicates: NearDuplicates, map_ids: list[str]) -> set[str]:
    """The ids of the images of which the sections show pictures. `map_ids`: those of the map, in its order."""
    return {
        *data_section.pictured(data_section.sample(run.truth, run.classes), duplicates),
        *pseudo_labels_section.pictured(run.accepted, run.refused),
        *mistakes_section.pictured(run.test, _several(run)),
        *map_ids[:MAX_PICTURES],
        *(clusters_section.pictured(run.clusters) if run.clusters else []),
    }


def named(run: RunResults, duplicates: NearDuplicates, map_ids: list[str]) -> set[str]:
    """The ids of the images whose files the page and its tables name."""
    attacked: list[str] = run.attacks.pictures["image_id"].tolist() if len(run.attacks.pictures) else []
    return {*pictured(run, duplicates, map_ids), *duplicates.ids(), *map_ids, *attacked}


def mapped_images(
    ids: np.ndarray, features: np.ndarray, rows: pd.DataFrame, run: RunResults, pictures: Pictures
) -> MappedImages:
    """The images of the map from their features [n, d] in the order of `ids` [n], and the rows of
    `run_results.map_images`.
    """
    rows = rows.loc[ids]
    return MappedImages(
        features=features,
        predictions=rows["prediction"].tolist(),
        truth=[run.truth.get(image_id) for image_id in ids],
        test=(rows["split"] == "test").tolist(),
        origins=[pictures.origins[image_id] for image_id in ids],
        pictures=[pictures.thumbnails.get(image_id) for image_id in ids],
    )


def _several(run: RunResults) -> dict[str, str]:
    """Which images show several of the classes, and which these are."""
    return run.labels.several if run.labels else {}


def files(reader: RunReader, sections: Sequence[Section]) -> dict[str, bytes]:
    """The files of a run's sections by their names, and the page of them all."""
    own = {name: content for section in sections for name, content in section.files().items()}
    title = f"Kindred: {reader.run.rsplit('/', 1)[1]}"
    return {**own, file_names.REPORT: html_page.render(title, page_head.facts(reader), list(sections))}


def sections(
    run: RunResults,
    counts: ImageCounts,
    duplicates: NearDuplicates,
    rejected: RejectedFiles,
    mapped: MappedImages,
    projection: str,
    pictures: Pictures,
) -> list[Section]:
    """All sections. `pictures`: thumbnails of those in `pictured`, and the files of these and of `named`."""
    attacks = run.attacks
    samples = data_section.sample(run.truth, run.classes)
    return [
        verdict_section.section(run.figures, run.gate_reason, robustness_section.sentences(attacks.figures)),
        *([clusters_section.section(run.clusters, run.figures, pictures)] if run.clusters else []),
        data_section.section(counts, run.classes, samples, duplicates, rejected, run.truth, pictures),
        *([labels_section.section(run.labels)] if run.labels else []),
        mistakes_section.section(run.test, pictures, _several(run)),
        curves_section.section(run.test, run.learning, run.settings),
        pseudo_labels_section.section(run.accepted, run.refused, run.pseudo_by_class, run.figures, pictures),
        embedding_map_section.section(mapped, run.classes, projection),
        robustness_section.section(attacks.figures, attacks.attacks, attacks.pictures, pictures.origins),
        *([published_study_section.section(run.class_rows, run.test, run.figures)] if run.class_rows else []),
    ]
