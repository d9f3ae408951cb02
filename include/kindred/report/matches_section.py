"""What was matched: the worth of each step, the matches of some queries, and the labels that are hard."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kindred.evaluation.matching_scores import AVERAGE_PRECISION, MIN_GROUPS, SCORES
from kindred.learning.intervals import share_interval
from kindred.report.blocks import Block, Rows, Section, Table, Text, Tile, counted
from kindred.report.pictures import Pictures
from kindred.runtime.stages import MATCHING_STEPS

SHOWN_QUERIES, SHOWN_MATCHES = 12, 6
TITLES = dict(zip(SCORES, ("top-1", "top-3", "top-10", "mAP"), strict=True))
STEPS = {
    "features": "features, cosine",
    "embedded": "embedded, cosine",
    "reranked": "re-ranked",
}
# Rightly matched of all queries among the first 1, 3, 10.
PUBLISHED = {
    "ResNet50, softmax, fine-tuned with flips": (15, (8, 11, 13)),
    "autoencoder, Gaussian noise 0.3": (15, (1, 1, 5)),
    "SURF, brute force": (70, (39, 52, 61)),
}
PUBLISHED_CAPTION = (
    "A published system (2021), beside this run, whose images are others: the published ones are not public, and 15 "
    "and 70 queries leave wide 95 % intervals. A Siamese network was published without figures, a variational "
    "autoencoder was given up, a CNN reached about 40 %. The embedders softmax, siamese_network, autoencoder, "
    "variational_autoencoder and convnet, and the local features surf, reproduce these methods on your images."
)


@dataclass(frozen=True)
class Matches:
    """The table `matches`; known labels by id; `scored`: the scores of each query that counts, and `by_label` their
    means (`matching_scores`); `junk`: the ids of the images that are neither right nor wrong for a query, by its id.
    """

    matches: pd.DataFrame
    truth: dict[str, str]
    scored: pd.DataFrame
    by_label: pd.DataFrame
    junk: Mapping[str, Collection[str]] = field(default_factory=dict)

    def shown(self) -> list[str]:
        """The queries whose matches are shown: the worst and the best in turn; without known labels, the first."""
        ordered = self.scored.sort_values([AVERAGE_PRECISION, "query_id"])["query_id"].tolist()
        ordered = ordered or sorted(set(self.matches["query_id"]))
        turns = [one for pair in zip(ordered, reversed(ordered), strict=True) for one in pair]
        return list(dict.fromkeys(turns))[:SHOWN_QUERIES]

    def of(self, query_id: str) -> pd.DataFrame:
        """The first matches of a query, nearest first."""
        own = self.matches[self.matches["query_id"] == query_id]
        return own.sort_values("rank").head(SHOWN_MATCHES)


def pictured(matches: Matches) -> list[str]:
    """The ids of the images that are shown."""
    return [image_id for query in matches.shown() for image_id in (query, *matches.of(query)["image_id"])]


def section(
    matches: Matches, figures: dict[str, float], pictures: Pictures, method: str, pairs: Sequence[Block] = ()
) -> Section:
    """From the matches, the figures of the run, pictures of those in `pictured`, the run's method in a few words, and
    what shows pairs' keypoints.
    """
    blocks: list[Block] = []
    if len(matches.scored):
        steps = step_table(figures)
        blocks += [
            Table("steps", _steps_caption(figures), steps, steps.astype(str), open=True),
            *_left_out(figures),
        ]
    blocks += [*_same(matches, figures), _rows(matches, pictures), *pairs]
    if len(matches.by_label):
        caption = "Queries by label, the hardest first: the means of their scores after the last step."
        rows = matches.by_label.sort_values([AVERAGE_PRECISION, "group"]).rename(columns={**TITLES, "group": "label"})
        blocks.append(Table("labels", caption, rows))
    blocks.append(Table("published", PUBLISHED_CAPTION, published(f"this run: {method}", figures)))
    return Section("matches", "Matches", headline(matches, figures), blocks)


def of_new_queries(shown: dict[str, list[dict[str, Any]]], queries: int, pictures: Pictures) -> Section:
    """The first matches of each of the queries that are shown, of so many; pictures of both by id."""
    rows = [(str(number), _tiles(pictures, query, found)) for number, (query, found) in enumerate(shown.items(), 1)]
    some = f"The first {len(shown):,} of {queries:,} queries" if len(shown) < queries else "Queries"
    caption = f"{some} (first picture of each row) and their first matches."
    return Section(
        "matches", "Matches", f"{counted(queries, 'query', 'queries')}.", [Rows("queries", caption, "query", rows)]
    )


def headline(matches: Matches, figures: dict[str, float]) -> str:
    """How often the first match is right."""
    queries = counted(matches.matches["query_id"].nunique(), "query", "queries")
    if not len(matches.scored):
        return f"{queries}; no known label tells whether their matches are right."
    last = f"matching/{MATCHING_STEPS[-1]}"
    top, precision = figures[f"{last}/top_1_accuracy"], figures[f"{last}/{AVERAGE_PRECISION}"]
    return f"The first match is right for {top:.1%} of {queries}; mean average precision {precision:.3f}."


def _same(matches: Matches, figures: dict[str, float]) -> list[Block]:
    """How many queries find the same thing, where keypoints tell it."""
    if "match/queries_with_same" not in figures:
        return []
    same, queries = figures["match/queries_with_same"], matches.matches["query_id"].nunique()
    alike = f"{queries - same:,.0f} find only what looks alike, or nothing"
    return [Text(f"By keypoints, {same:,.0f} of {counted(queries, 'query', 'queries')} find the same thing; {alike}.")]


def step_table(figures: dict[str, float]) -> pd.DataFrame:
    """A row for each step: its scores as texts, with their intervals where there are any."""
    rows = []
    for step in MATCHING_STEPS:
        values = {title: _score(figures, f"matching/{step}/{name}") for name, title in TITLES.items()}
        by_label = f"{figures[f'matching/{step}/{AVERAGE_PRECISION}_by_group']:.3f}"
        rows.append({"step": STEPS[step], **values, "mAP by label": by_label})
    return pd.DataFrame(rows)


def published(method: str, figures: Mapping[str, float]) -> pd.DataFrame:
    """The published figures, and where it is scored those of a run by a method, with their 95 % intervals, as if
    queries were independent.

    >>> published("this run", {})["top-1"].tolist()
    ['0.53 (0.30 to 0.75)', '0.07 (0.01 to 0.30)', '0.56 (0.44 to 0.67)']
    """
    compared, rows = dict(PUBLISHED), []
    last = f"matching/{MATCHING_STEPS[-1]}/"
    if queries := int(figures.get(f"{last}queries", 0)):
        one, three, ten = (round(figures[f"{last}{name}"] * queries) for name in list(TITLES)[:3])
        compared[method] = queries, (one, three, ten)
    for name, (queries, right) in compared.items():
        ends = [(count / queries, *share_interval(count, queries)) for count in right]
        rows.append((name, queries, *(f"{share:.2f} ({low:.2f} to {high:.2f})" for share, low, high in ends)))
    return pd.DataFrame(rows, columns=["method", "queries", *list(TITLES.values())[:3]])


def _score(figures: dict[str, float], name: str) -> str:
    text = f"{figures[name]:.3f}"
    return (
        f"{text} ({figures[f'{name}_low']:.3f} to {figures[f'{name}_high']:.3f})" if f"{name}_low" in figures else text
    )


def _steps_caption(figures: dict[str, float]) -> str:
    groups = figures[f"matching/{MATCHING_STEPS[-1]}/groups"]
    few = f"Too few labels ({groups:,.0f}) for intervals, which need {MIN_GROUPS}."
    intervals = few if groups < MIN_GROUPS else "95 % intervals over resamples of the labels."
    return f"What each step is worth: right among the first 1, 3 and 10, and the mean average precision. {intervals}"


def _left_out(figures: dict[str, float]) -> list[Block]:
    """How many queries are not scored, and why."""
    reasons = {
        "matching/queries_without_label": "without a known label",
        "matching/queries_without_relevant": "of whose label the gallery has no image",
        "matching/queries_with_copy": "of which the gallery has a copy, which does not count",
        "matching/queries_with_junk": "for which images of the gallery are junk, which do not count",
    }
    parts = [f"{figures[name]:,.0f} {reason}" for name, reason in reasons.items() if figures.get(name)]
    return [Text(f"Queries: {'; '.join(parts)}.")] if parts else []


def _rows(matches: Matches, pictures: Pictures) -> Rows:
    rows = []
    for number, query_id in enumerate(matches.shown(), 1):
        label = matches.truth.get(query_id)
        junk = matches.junk.get(query_id, ())
        tiles = _tiles(pictures, query_id, matches.of(query_id).to_dict("records"), junk)
        rows.append((f"{number}. {_right(matches, query_id)}{label or 'no label'}", tiles))
    caption = "Queries (first picture of each row) and their first matches; the hardest and the easiest in turn."
    return Rows("queries", caption, "query", rows)


def _tiles(
    pictures: Pictures, query_id: str, found: Sequence[Mapping[Any, Any]], junk: Collection[str] = ()
) -> list[Tile]:
    """A query and its matches; below those that are junk, that they are, and where keypoints were compared, what these
    say.
    """
    tiles = [pictures.tile(query_id, ())]
    for match in found:
        lines = ["junk"] if match["image_id"] in junk else []
        if match.get("same") is not None:
            lines += ["same thing" if match["same"] else "looks alike", f"{match['inliers']:.0f} inliers"]
        tiles.append(pictures.tile(match["image_id"], lines))
    return tiles


def _right(matches: Matches, query_id: str) -> str:
    """How many of the images to find are among the matches shown, where that is known."""
    relevant = dict(zip(matches.scored["query_id"], matches.scored["relevant"], strict=True)).get(query_id)
    if relevant is None:
        return ""
    label, junk = matches.truth[query_id], matches.junk.get(query_id, ())
    shown = [one for one in matches.of(query_id)["image_id"] if one not in junk]
    return f"{sum(matches.truth.get(one) == label for one in shown):,} of {relevant:,} found: "
