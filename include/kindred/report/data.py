"""What was in the data: how many images of each class and size, what they look like, and which are in two splits."""

import numpy as np
import pandas as pd
import seaborn as sns

from kindred.data import contact_sheets, fonts
from kindred.data.near_duplicates import NearDuplicates
from kindred.report import plots
from kindred.report.blocks import Plot, Section, Sheet, Table, Text, Tile, count
from kindred.runtime.tables import SPLITS

MOST = 30  # classes of a plot: the largest
EXAMPLES = 8  # images of each class
AVERAGED = 100  # images of each class behind its mean image, and in all:
AVERAGED_IN_ALL = 4000
PAIRS = 12


def section(
    balance: pd.DataFrame,
    sizes: pd.DataFrame,
    classes: list[str],
    samples: dict[str, list[str]],
    twins: NearDuplicates,
    exact: dict[str, int],
    labels: dict[str, str],
    thumbnails: dict[str, np.ndarray],
) -> Section:
    """From the counts of images (`balance`: split, label or null, count; `sizes`: height, width, count), the ids of
    some images by class, the near duplicates, how many copies were leaked and repeated, known labels by id, and
    pictures.
    """
    known = balance.dropna(subset="label")
    table = known.pivot_table("count", "label", "split", "sum", fill_value=0).reindex(classes, fill_value=0)
    table = table[[split for split in SPLITS if split in table]]
    blocks = [*(Text(line) for line in _missing(balance, table)), _balance(table)]
    if hint := fonts.hint(plots.name(name) for name in classes):
        blocks.insert(0, Text(f"Plots show boxes in class names: {hint}."))
    blocks.append(
        Table("balance", "Images with a known label, by class and split.", table.rename_axis("class").reset_index())
    )
    blocks += _sizes(sizes)
    shown = sorted(sorted(classes, key=lambda c: (-table.loc[c].sum(), c))[:MOST])
    which = f" The {MOST} largest of {len(classes)} classes." if len(classes) > MOST else ""
    blocks.append(_means(shown, samples, thumbnails, which))
    blocks.append(_examples(shown, samples, thumbnails, which))
    blocks += _twins(twins, exact, labels, thumbnails)
    return Section("data", "Data", says(balance, classes, twins), blocks)


def says(balance: pd.DataFrame, classes: list[str], twins: NearDuplicates) -> str:
    """How much there is, in a sentence."""
    counts = balance.groupby("split")["count"].sum()
    names = {"train": "training", "unlabeled": "unlabelled", "test": "test"}
    told = ", ".join(f"{counts[split]:,} {names[split]}" for split in SPLITS if split in counts)
    pairs = f"{len(twins.pairs):,}" if len(twins.pairs) else "no"
    near = "near duplicate across splits" if len(twins.pairs) == 1 else "near duplicates across splits"
    return f"{told} images of {count(len(classes), 'class', 'classes')}; {pairs} {near}."


def sample(known: dict[str, str], classes: list[str]) -> dict[str, list[str]]:
    """The ids by class of some images with a known label (label by id): the first ones, as ids are hashes."""
    found: dict[str, list[str]] = {name: [] for name in classes}
    most = max(EXAMPLES, min(AVERAGED, AVERAGED_IN_ALL // max(len(classes), 1)))
    for image_id in sorted(known):
        if len(found[known[image_id]]) < most:
            found[known[image_id]].append(image_id)
    return found


def wanted(samples: dict[str, list[str]], twins: NearDuplicates) -> list[str]:
    """The ids of the images that are shown."""
    near = twins.pairs.head(PAIRS)
    return [*(i for ids in samples.values() for i in ids), *near["image_id"], *near["other"]]


def _missing(balance: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    text = []
    unknown = int(balance.loc[balance["label"].isna(), "count"].sum())
    if unknown:
        text.append(f"Of {unknown:,} images no label is known.")
    for split in table:
        absent = [name for name in table.index if not table.loc[name, split]]
        if absent:
            rest = f" and {len(absent) - 10} others" if len(absent) > 10 else ""
            text.append(f"Split {split} has no image of {', '.join(absent[:10])}{rest}.")
    return text


def _balance(table: pd.DataFrame) -> Plot:
    shares = table / np.maximum(table.sum(), 1)
    kept = shares.loc[sorted(table.sum(axis=1).nlargest(MOST).index)]
    long = (
        kept.rename(index=plots.name)
        .rename_axis("class")
        .reset_index()
        .melt("class", var_name="split", value_name="share")
    )
    figure, (axes,) = plots.figure(max(6, 2 + 0.45 * len(kept)), 3)
    palette = {"train": "#9ecae1", "unlabeled": "#d9d9d9", "test": "#3182bd"}
    sns.barplot(long, x="class", y="share", hue="split", palette=palette, ax=axes)
    axes.set(xlabel="", ylabel="share of the split")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="x", rotation=90 if len(kept) > 6 else 0)
    axes.legend(title=None, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    which = f" The {MOST} largest classes." if len(table) > MOST else ""
    return Plot(
        "balance", f"Class balance: the share of each class among a split's labelled images.{which}", plots.png(figure)
    )


def _sizes(sizes: pd.DataFrame) -> list:
    if len(sizes) == 1:
        row = sizes.iloc[0]
        return [Text(f"All images are {row['width']} x {row['height']} px.")]
    figure, (axes,) = plots.figure(5.5, 3.6)
    sns.scatterplot(sizes, x="width", y="height", size="count", sizes=(12, 200), color=plots.OTHER, alpha=0.5, ax=axes)
    axes.set(xscale="log", yscale="log", xlabel="width, px", ylabel="height, px")
    said = "Image sizes; the bigger the dot, the more images."
    return [Plot("sizes", said, plots.png(figure)), Table("sizes", "The most frequent sizes.", sizes)]


def _means(classes: list[str], samples: dict, thumbnails: dict, which: str) -> Sheet:
    tiles = []
    for name in classes:
        pictures = [thumbnails[i].astype(np.float32) for i in samples[name]]
        if pictures:
            tiles.append(Tile(np.mean(pictures, axis=0).round().astype(np.uint8), (name, f"mean of {len(pictures)}")))
    return Sheet("means", f"The mean image of each class.{which}", tiles, ("class", "images"))


def _examples(classes: list[str], samples: dict, thumbnails: dict, which: str) -> Plot:
    """A row of pictures for each class."""
    rows = [name for name in classes if samples[name]]
    pictures = [[thumbnails[i] for i in samples[name][:EXAMPLES]] for name in rows]
    blank = np.full_like(pictures[0][0], 255)
    filled = [picture for row in pictures for picture in [*row, *[blank] * (EXAMPLES - len(row))]]
    sheet = contact_sheets.mosaic(filled, columns=EXAMPLES)
    figure, (axes,) = plots.figure(7.5, 0.4 + 0.72 * len(rows))
    axes.imshow(sheet, interpolation="nearest", aspect="equal")
    plots.plain(axes)
    step = len(sheet) / len(rows)
    axes.set_yticks([step * (i + 0.5) for i in range(len(rows))], [plots.name(name) for name in rows])
    axes.tick_params(length=0)
    return Plot("examples", f"Examples of each class.{which}", plots.png(figure))


def _twins(twins: NearDuplicates, exact: dict[str, int], labels: dict[str, str], thumbnails: dict) -> list:
    pairs, groups = count(len(twins.pairs), "pair"), count(twins.groups, "group")
    counted = (
        f"Exact copies: {exact['leaked']:,} of test images elsewhere, {count(exact['repeated'], 'repeat')}. "
        f"Near duplicates across splits: {pairs} in {groups}, {twins.flagged:.2%} of {twins.queries:,} comparisons."
    )
    blocks = [Text(counted)]
    if twins.recall:
        found = ", ".join(f"{share:.0%} of {name} ones" for name, share in twins.recall.items() if name != "all")
        blocks.append(
            Text(
                f"Images count as near duplicates at a distance of at most {twins.threshold:.4f}, which edits of this "
                f"data's own images set. Of other edits it finds {twins.recall['all']:.1%}: {found}."
            )
        )
    if len(twins.pairs):
        tiles = []
        for row in twins.pairs.head(PAIRS).to_dict("records"):
            sides = [
                f"{s}: {labels.get(i, 'label not known')}"
                for i, s in ((row["image_id"], row["split"]), (row["other"], row["other_split"]))
            ]
            picture = contact_sheets.mosaic([thumbnails[row["image_id"]], thumbnails[row["other"]]], columns=2)
            tiles.append(Tile(picture, (*sides, f"distance {row['distance']:.4f}")))
        blocks.append(Sheet("twins", f"The nearest {count(len(tiles), 'pair')}.", tiles, ("one", "other", "distance")))
        blocks.append(Table("near-duplicates", "Near duplicates across splits.", twins.pairs))
    return blocks
