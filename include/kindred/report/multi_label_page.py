"""The page of one run on images with several labels: its sections in their order, and the images of which they show
pictures. `run_page` is that of one label an image; both have the same functions.
"""

import numpy as np
import pandas as pd

from kindred.data.near_duplicates import NearDuplicates
from kindred.evaluation import multi_label_scoring
from kindred.report import (
    embedding_map_section,
    labels_section,
    multi_label_classes_section,
    multi_label_curves_section,
    multi_label_data_section,
    multi_label_mistakes_section,
    multi_label_pseudo_labels_section,
    multi_label_verdict_section,
    near_duplicate_blocks,
)
from kindred.report.blocks import Section
from kindred.report.data_section import ImageCounts
from kindred.report.embedding_map_section import MAX_PICTURES, MappedSets
from kindred.report.multi_label_results import MultiLabelResults
from kindred.report.pictures import Pictures
from kindred.report.rejected_blocks import RejectedFiles


def pictured(run: MultiLabelResults, duplicates: NearDuplicates, map_ids: list[str]) -> set[str]:
    """As `run_page.pictured`."""
    samples = multi_label_data_section.sample(run.truth, run.classes)
    return {
        *(image_id for ids in samples.values() for image_id in ids),
        *near_duplicate_blocks.pictured(duplicates),
        *multi_label_mistakes_section.pictured(run.test),
        *multi_label_pseudo_labels_section.pictured(run.accepted),
        *map_ids[:MAX_PICTURES],
    }


def named(run: MultiLabelResults, duplicates: NearDuplicates, map_ids: list[str]) -> set[str]:
    """As `run_page.named`."""
    return {*pictured(run, duplicates, map_ids), *duplicates.ids(), *map_ids}


def mapped_images(
    ids: np.ndarray, features: np.ndarray, rows: pd.DataFrame, run: MultiLabelResults, pictures: Pictures
) -> MappedSets:
    """As `run_page.mapped_images`."""
    rows, labels = rows.loc[ids], run.labels_of(ids)
    predictions = rows["prediction"].tolist()
    agrees = (multi_label_scoring.sets(predictions, run.classes) == labels.present) | ~labels.known
    judged = zip(agrees.tolist(), labels.known.tolist(), strict=True)
    return MappedSets(
        features=features,
        predictions=predictions,
        truth=[run.truth.get(image_id) for image_id in ids],
        test=(rows["split"] == "test").tolist(),
        origins=[pictures.origins[image_id] for image_id in ids],
        pictures=[pictures.thumbnails.get(image_id) for image_id in ids],
        right=[all(of_classes) if any(known) else None for of_classes, known in judged],
        likeliest=[run.classes[int(np.argmax(values))] for values in rows["probabilities"]],
    )


def sections(
    run: MultiLabelResults,
    counts: ImageCounts,
    duplicates: NearDuplicates,
    rejected: RejectedFiles,
    mapped: MappedSets,
    projection: str,
    pictures: Pictures,
) -> list[Section]:
    """As `run_page.sections`."""
    samples = multi_label_data_section.sample(run.truth, run.classes)
    pairs, ids = duplicates.pairs, np.array(sorted(duplicates.ids()), object)
    contradicting = multi_label_data_section.contradictions(pairs, run.labels_of(ids), ids, run.classes)
    return [
        multi_label_verdict_section.section(run.figures, run.gate_reason),
        multi_label_data_section.section(
            *(counts, run.classes, samples, duplicates, rejected, run.truth, contradicting, pictures)
        ),
        *([labels_section.section(run.labels)] if run.labels else []),
        multi_label_classes_section.section(run.test),
        multi_label_mistakes_section.section(run.test, pictures),
        multi_label_curves_section.section(run.test, run.settings),
        multi_label_pseudo_labels_section.section(run.accepted, run.pseudo_by_class, run.figures, pictures),
        embedding_map_section.section(mapped, run.classes, projection),
    ]
