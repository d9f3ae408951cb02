"""Which pseudo-labels images with several labels got: of each class the surest that have it and that have it not, and
how many of these are right.
"""

import pandas as pd

from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Sheet, Table, Text, Tile
from kindred.report.multi_label_verdict_section import pseudo_label_sentence
from kindred.report.pictures import Pictures
from kindred.report.pseudo_labels_section import MAX_CLASSES, MAX_DOUBTFUL, MAX_TILES

STATES = {"present": plots.OTHER_COLOUR, "absent": "#d55e00", "undecided": plots.GRID_COLOUR}
SHOWN = ["image_id", "label", "present", "confidence", "truth"]


def section(accepted: pd.DataFrame, by_class: pd.DataFrame, figures: dict[str, float], pictures: Pictures) -> Section:
    """From the rows of pseudo_labels (image_id, label, present, confidence, and `truth`: true, false or null),
    `multi_label_scoring.pseudo_by_class`, the figures of the run, and pictures of those in `pictured`.
    """
    text = pseudo_label_sentence(figures)
    if accepted.empty:
        return Section("pseudo-labels", "Pseudo-labels", text)
    blocks: list[Block] = []
    if not by_class["known"].any():
        blocks.append(Text("No truth is known of these pairs of image and class, so no precision is shown."))
    blocks += [
        _class_plot(by_class),
        Table("classes", "Pseudo-labels by class; precision is that of pairs whose truth is known.", _rows(by_class)),
    ]
    for name, rows, caption in (
        ("doubtful", least_confident(accepted), "The accepted pseudo-labels of the lowest confidence."),
        ("accepted", examples(accepted), "Images whose pseudo-labels say that a class is present: the first by id."),
    ):
        if len(rows):
            tiles = [_tile(row, pictures) for row in rows.to_dict("records")]
            blocks.append(Sheet(name, caption, tiles, ("label", "truth")))
    return Section("pseudo-labels", "Pseudo-labels", text, blocks)


def pictured(accepted: pd.DataFrame) -> list[str]:
    """The ids of the images that are shown."""
    return [image_id for rows in (least_confident(accepted), examples(accepted)) for image_id in rows["image_id"]]


def least_confident(accepted: pd.DataFrame) -> pd.DataFrame:
    """The MAX_DOUBTFUL rows of the least confidence, the least first."""
    return accepted.sort_values(["confidence", "image_id", "label"]).head(MAX_DOUBTFUL)


def examples(accepted: pd.DataFrame) -> pd.DataFrame:
    """The surest present label of the first MAX_TILES images, by id, that have one."""
    present = accepted[accepted["present"]].sort_values(["image_id", "confidence"], ascending=[True, False])
    return present.drop_duplicates("image_id").head(MAX_TILES)


def _rows(by_class: pd.DataFrame) -> pd.DataFrame:
    names = {"known_present": "known, present", "right_present": "right, present"}
    return by_class.rename(columns={**names, "positive_precision": "precision, present"}).reset_index()


def _class_plot(by_class: pd.DataFrame) -> Plot:
    drawn = by_class.loc[sorted(by_class["present"].nlargest(MAX_CLASSES).index)]
    names = [plots.short_name(str(name)) for name in drawn.index]
    height = max(1.8, 1.1 + 0.26 * len(drawn))
    counts, (axes,) = plots.figure(plots.PANEL, height)
    left = pd.Series(0, drawn.index)
    for state, colour in STATES.items():
        axes.barh(names, drawn[state], left=left, color=colour, label=state)
        left = left + drawn[state]
    axes.set(xlabel="unlabelled images")
    panels = [(counts, axes)]
    if drawn["known"].any():
        shares, (axes,) = plots.figure(plots.PANEL, height)
        axes.plot(drawn["precision"], names, "o", color=plots.BASE_COLOUR, label="all")
        axes.plot(drawn["positive_precision"], names, "D", color=plots.OTHER_COLOUR, label="those that say present")
        axes.set(xlabel="share that is right, where the truth is known", xlim=(0, 1.03))
        panels.append((shares, axes))
    for _, axes in panels:
        axes.set_ylim(len(names) - 0.5, -0.5)
        plots.legend_above(axes)
    caption = (
        "By class: how many images are accepted as having it and as not having it, and how many of these are right."
    )
    if len(by_class) > len(drawn):
        caption += f" The {MAX_CLASSES} classes of most accepted images."
    return Plot("classes", caption, [plots.svg(figure) for figure, _ in panels])


def _tile(row: dict, pictures: Pictures) -> Tile:
    said = f"{row['label']} {'present' if row['present'] else 'absent'} {row['confidence']:.2f}"
    truth = "not known" if pd.isna(row["truth"]) else "present" if row["truth"] else "absent"
    return pictures.tile(row["image_id"], (said, f"truth: {truth}"))
