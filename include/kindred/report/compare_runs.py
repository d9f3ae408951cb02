"""Finished runs -> one page that puts them side by side."""

from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds

from kindred.evaluation import scoring
from kindred.report import comparison, page
from kindred.report.blocks import Scored
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader

TEST = ds.field("split") == "test"


def pages(folders: list[str]) -> tuple[bytes, bytes, str]:
    """The page and its table of scores (CSV) for two runs' folders or more, and the page's first sentence.

    Raises InputError for fewer, and for a run that has not been evaluated.
    """
    folders = list(dict.fromkeys(folders))
    if len(folders) < 2:
        raise InputError(f"{len(folders)} run to compare; it takes two or more")
    names = _names(folders)
    found, tests = zip(*(_load(folder, name) for folder, name in zip(folders, names, strict=True)), strict=True)
    sections = comparison.sections(list(found), common(dict(zip(names, tests, strict=True))))
    content = page.render(f"Kindred: {len(found)} runs", {"runs": ", ".join(names)}, sections)
    return content, scoring.csv(comparison.summary(list(found)), index=False), sections[0].says


def common(tests: dict[str, tuple[list[str], pd.DataFrame]]) -> Scored | None:
    """The test images that all runs have scored, from the classes of each and its rows of image_id, label,
    probabilities; None where there is none, or where the classes or labels differ.
    """
    (classes, first), *others = tests.values()
    ids = set(first["image_id"])
    for other_classes, rows in others:
        ids &= set(rows["image_id"]) if other_classes == classes else set()
    if not ids:
        return None
    chosen = [rows[rows["image_id"].isin(ids)].sort_values("image_id") for _, rows in tests.values()]
    if any((rows["label"].to_numpy() != chosen[0]["label"].to_numpy()).any() for rows in chosen):
        return None
    scored = [scoring.arrays(rows, classes) for rows in chosen]
    models = {name: probabilities for name, (_, probabilities) in zip(tests, scored, strict=True)}
    return Scored(classes, chosen[0]["image_id"].to_numpy(), scored[0][0], models, next(iter(models)))


def _load(folder: str, name: str) -> tuple[comparison.Run, tuple[list[str], pd.DataFrame]]:
    s = RunReader(folder, "compare")
    truth = s.rows("truth").to_pandas().set_index("image_id")["label"]
    rows = scoring.on_test(s.rows("predictions_final", ["image_id", "probabilities"], TEST), truth)
    figures = {
        key: value for part in ("choose_labels", "pseudo_label", "gate") for key, value in s.figures_of(part).items()
    }
    figures |= s.figures_of("evaluate")
    params = s.params()
    learned = pd.DataFrame(s.facts_of("train_base").get("learning_curve", {}))
    return comparison.Run(name, params, figures, learned), (s.facts_of("ingest")["classes"], rows)


def _names(folders: list[str]) -> list[str]:
    """The runs' names; with their DAGs' where two have the same."""
    parts = [Path(storage.local(folder)).parts[-2:] for folder in folders]
    short = [name for _, name in parts]
    return short if len(set(short)) == len(short) else ["/".join(both) for both in parts]
