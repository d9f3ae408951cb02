"""Does the gate refuse harmful pseudo-labels, and accept good ones? Trials, honest and sabotaged.

    python benchmarks/no_harm.py --data digits::pixels stl10:DIR:mobilenet_v2 fashion_mnist:DIR:patch_kmeans --draws 12

A trial is scored on the test images and the images of hidden truth together. Sabotage spoils the pseudo-labels of an
honest trial before the candidate learns from them, a share of them that each draw chooses between --spoiled's two ends
(`shuffled`: dealt out anew; `swapped`: those of two classes exchanged), or lets `foreign` images into the pool: two
classes lose their labels and test images, their images are forced into the pool of the others. In the latter trials the
novelty score is on: it shows how many of the foreign images, and of the others, it would have kept out.

JSON names:
no_harm/trials, accepted, worse_by_quarter_point, worse_by_point: honest trials, those accepted, and of these the ones
more than 0.25 or 1 point below base
no_harm/median_gain, median_gain_smallest: points, a refused candidate's are 0; of all, and at the smallest budget
no_harm/better_by_point_at_100, better_by_point_at_100_accepted: honest candidates better by a point or more with 100
labels or more, and the share of these that is accepted
sabotage/trials, harmful, refused: sabotaged trials, those 2 points or more below base, and the share of these that is
refused
curve/<labels a class>/better, worse_by_1, worse_by_2 (and worse_by_half, of Fashion-MNIST, whose many hidden images can
tell it): candidates of all trials that were truly better than base, or worse by so many points; with _accepted: the
share of these that is accepted
novelty/kept_out, lost: the shares of foreign images, and of the others, that are excluded
precision/mean_error, inside: of honest trials, pseudo/estimated_precision less pseudo/precision by hidden truth, and
the share of those whose interval holds the latter
"""

import argparse
import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple

import bench
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bench import run_stage

from kindred.learning.refusal_reasons import OUT_OF_DISTRIBUTION
from kindred.runtime import arrow, file_names, marks, stages, storage
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

BUDGETS = (4, 10, 25)  # given labels a class
HIDDEN_CLASSES = 2
SPOILED = ("shuffled", "swapped")
CURVE = {"better": lambda t: t.gain > 0, "worse_by_1": lambda t: t.gain <= -1, "worse_by_2": lambda t: t.gain <= -2}
FINE = "fashion_mnist"  # its test and hidden images are so many that they show half a point


class Trial(NamedTuple):
    """A candidate: whether the gate accepted it, and its gain over base in points of accuracy."""

    dataset: str
    per_class: int
    labels: int
    sabotage: str
    accepted: bool
    gain: float


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.set_defaults(limit=5000)
    parser.add_argument("--data", nargs="+", default=["digits::pixels"], metavar="DATASET:PATH:EXTRACTOR")
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS, help="given labels a class")
    parser.add_argument("--draws", type=int, default=12, help="of the labels, for each budget and dataset")
    parser.add_argument(
        "--sabotage-draws", type=int, default=4, help="how many of the draws are sabotaged too, in each of three ways"
    )
    parser.add_argument("--spoiled", nargs=2, type=float, default=(0.2, 0.8), help="share of spoiled pseudo-labels")
    args = parser.parse_args()
    bench.start(args.master)
    trials, novelty, precision = [], [], []
    with bench.temporary_run() as folder:
        for text in args.data:
            args.dataset, path, args.extractor = text.split(":")
            args.path = path or None
            source = storage.join(folder, f"{args.dataset}-source")
            classes = bench.prepare(source, args)[0]["facts"]["classes"]
            for budget in args.budgets:
                for seed in range(args.draws):
                    kinds = (*SPOILED, "foreign") if seed < args.sabotage_draws else ()
                    run = storage.join(folder, f"{args.dataset}-{budget}-{seed}")
                    results = {"honest": trial(run, source, args, budget, seed)}
                    for kind in kinds:
                        if kind in SPOILED:
                            results[kind] = spoiled_trial(f"{run}-{kind}", run, args, seed, kind)
                        elif len(classes) > HIDDEN_CLASSES + 1:
                            results[kind] = foreign_trial(f"{run}-{kind}", source, args, budget, seed, classes)
                            novelty.append(results[kind]["novelty"])
                    if {"pseudo/estimated_precision", "pseudo/precision"} <= results["honest"].keys():
                        precision.append(precision_estimate(results["honest"]))
                    for kind, figures in results.items():
                        labels = int(figures["choose_labels/labels"])
                        trials.append(Trial(args.dataset, budget, labels, kind, *outcome(figures)))
                        say(trials[-1], seed)
    report(trials, novelty, precision, args.json)


def report(
    trials: list[Trial], novelty: list[tuple[float, float]], precision: list[tuple[float, bool]], file: str | None
) -> None:
    honest = [t for t in trials if t.sabotage == "honest"]
    taken = [t.gain for t in honest if t.accepted]
    sabotaged = [t for t in trials if t.sabotage != "honest"]
    harmful = [t.accepted for t in sabotaged if t.gain <= -2]
    better = [t.accepted for t in honest if t.gain >= 1 and t.labels >= 100]
    smallest = min(t.per_class for t in honest)
    at_smallest = [t.accepted * t.gain for t in honest if t.per_class == smallest]
    figures = {
        "no_harm/trials": len(honest),
        "no_harm/accepted": len(taken),
        "no_harm/worse_by_quarter_point": sum(gain < -0.25 for gain in taken),
        "no_harm/worse_by_point": sum(gain < -1 for gain in taken),
        "no_harm/median_gain_smallest": statistics.median(at_smallest),
        "no_harm/median_gain": statistics.median(t.accepted * t.gain for t in honest),
        "no_harm/better_by_point_at_100": len(better),
        **({"no_harm/better_by_point_at_100_accepted": statistics.mean(better)} if better else {}),
        "sabotage/trials": len(sabotaged),
        "sabotage/harmful": len(harmful),
        **({"sabotage/refused": 1 - statistics.mean(harmful)} if harmful else {}),
    }
    if novelty:
        kept, lost = zip(*novelty, strict=True)
        figures |= {"novelty/kept_out": statistics.mean(kept), "novelty/lost": statistics.mean(lost)}
    if precision:
        errors, inside = zip(*precision, strict=True)
        figures |= {"precision/mean_error": statistics.mean(errors), "precision/inside": statistics.mean(inside)}
    print()
    bench.report([("figure", "value"), *figures.items()], figures, None)
    points = curve(trials)
    heads = ("better", "worse_by_half", "worse_by_1", "worse_by_2")
    rows = [("labels a class", *(f"{head} accepted" for head in heads))]
    for per_class in sorted({t.per_class for t in trials}):
        name = f"curve/{per_class}"
        cells = [
            f"{points[f'{name}/{head}_accepted']:.0%} of {points[f'{name}/{head}']}"
            if points.get(f"{name}/{head}")
            else "-"
            for head in heads
        ]
        rows.append((per_class, *cells))
    print()
    bench.report(rows, figures | points, file)


def curve(trials: list[Trial]) -> dict[str, float]:
    """The operating curve, honest and sabotaged candidates together: by labels a class how many were truly better, and
    truly worse, and the shares of these that were accepted.
    """
    points = {}
    for per_class in sorted({t.per_class for t in trials}):
        here = [t for t in trials if t.per_class == per_class]
        groups = {name: [t.accepted for t in here if test(t)] for name, test in CURVE.items()}
        groups["worse_by_half"] = [t.accepted for t in here if t.dataset == FINE and t.gain <= -0.5]
        for name, accepted in groups.items():
            points[f"curve/{per_class}/{name}"] = len(accepted)
            if accepted:
                points[f"curve/{per_class}/{name}_accepted"] = statistics.mean(accepted)
    return points


def trial(run: str, source: str, args: argparse.Namespace, budget: int, seed: int) -> dict[str, float]:
    """An honest run from the images and features of `source`: its figures."""
    share(("ingest", "featurize"), source, run)
    given(run, args, budget, seed)
    run_stage(stages.PSEUDO_LABEL, run, **bench.arguments(args, stages.PSEUDO_LABEL, seed))
    return finished(run, args, seed)


def spoiled_trial(run: str, honest: str, args: argparse.Namespace, seed: int, sabotage: str) -> dict[str, float]:
    """An honest run once more, from its pseudo-labels on, a share of which is spoiled: its figures."""
    share(("ingest", "featurize", "choose_labels", stages.TRAIN_BASE, stages.PSEUDO_LABEL), honest, run)
    spoil(run, sabotage, np.random.default_rng(seed), args.spoiled)
    return finished(run, args, seed)


def foreign_trial(
    run: str, source: str, args: argparse.Namespace, budget: int, seed: int, classes: list[str]
) -> dict[str, Any]:
    """A run whose pool has images of two other classes: its figures, and as `novelty` the shares kept out."""
    hidden = sorted(np.random.default_rng(seed).choice(classes, HIDDEN_CLASSES, replace=False))
    hide(run, source, hidden)
    given(run, args, budget, seed)
    pseudo = bench.arguments(args, stages.PSEUDO_LABEL, seed)
    run_stage(stages.PSEUDO_LABEL, run, **pseudo)
    novelty = kept_out(run, source, hidden)
    run_stage(stages.PSEUDO_LABEL, run, **pseudo | {"novelty": False, "threshold": 0.0})
    return {**finished(run, args, seed), "novelty": novelty}


def given(run: str, args: argparse.Namespace, budget: int, seed: int) -> None:
    """The given labels and the base model."""
    chosen = {"labels_per_class": budget, "labels": None, "label_choice": "random", "stratified": True, "seed": seed}
    run_stage("choose_labels", run, **chosen)
    run_stage(stages.TRAIN_BASE, run, **bench.arguments(args, stages.TRAIN_BASE, seed))


def finished(run: str, args: argparse.Namespace, seed: int) -> dict[str, float]:
    """The candidate, the gate and the scores: figures of the run."""
    run_stage(stages.TRAIN_FINAL, run, **bench.arguments(args, stages.TRAIN_FINAL, seed))
    made = [run_stage("gate", run, gate=args.gate), run_stage("evaluate", run)]
    made += [marks.mark_of(storage.join(run, name)) for name in ("choose_labels", stages.PSEUDO_LABEL)]
    return {name: value for mark in made for name, value in mark["figures"].items()}


def share(names: Iterable[str], source: str, run: str) -> None:
    """Let a run have another's finished stages."""
    for name in names:
        marks.put(storage.join(run, name), marks.mark_of(storage.join(source, name)) or {})


def outcome(figures: dict[str, float]) -> tuple[bool, float]:
    """Whether the gate accepted the candidate, and its gain in points of accuracy on test and hidden images."""
    tested, hidden = figures["base/test/images"], figures.get("base/hidden/images", 0)
    accuracies = [
        (figures[f"{m}/test/accuracy"] * tested + figures.get(f"{m}/hidden/accuracy", 0) * hidden) / (tested + hidden)
        for m in ("base", "candidate")
    ]
    return bool(figures["gate/accepted"]), 100 * (accuracies[1] - accuracies[0])


def precision_estimate(figures: dict[str, float]) -> tuple[float, bool]:
    """How much too high the estimated precision of pseudo-labels is, and whether its interval holds the true one."""
    estimate, low, high = (figures[f"pseudo/estimated_precision{end}"] for end in ("", "_low", "_high"))
    true = figures["pseudo/precision"]
    return estimate - true, low <= true <= high


def say(t: Trial, seed: int) -> None:
    decision = "accepted" if t.accepted else "refused"
    where = f"{t.dataset} {t.per_class} a class, draw {seed}, {t.sabotage}"
    print(f"{where}: candidate {t.gain:+.2f} points, {decision}", flush=True)


def spoil(run: str, sabotage: str, rng: np.random.Generator, ends: tuple[float, float]) -> None:
    """Commit pseudo-labels of which a share between the `ends` is sabotaged in the place of the true ones."""
    rate = rng.uniform(*ends)
    mark = marks.mark_of(storage.join(run, "pseudo_label"))
    reader, s = RunReader(run, "train_final"), Stage("pseudo_label", run, mark["arguments"])
    s.inputs, s.figures = mark["inputs"], mark["figures"]
    s.write_rows("refused", reader.rows("refused"))
    one, other = rng.choice(sorted(set(reader.rows("pseudo_labels")["label"].to_pylist())), 2, replace=False)
    for name in ("pseudo_labels", "pseudo_labels_by_fold"):
        rows = reader.rows(name)
        labels = np.array(rows["label"].to_pylist())
        spoiled = np.flatnonzero(rng.random(len(labels)) < rate)
        if sabotage == "shuffled":
            labels[spoiled] = rng.permutation(labels[spoiled])
        else:
            exchanged = {one: other, other: one}
            labels[spoiled] = [exchanged.get(label, label) for label in labels[spoiled].tolist()]
        at = rows.column_names.index("label")
        s.write_rows(name, rows.set_column(at, "label", pa.array(labels, pa.string())))
    storage.put_json(storage.join(run, "pseudo_label", file_names.MARK), s.mark(0, sabotage))


def hide(run: str, source: str, hidden: list[str]) -> None:
    """A run's images and features where some classes have neither labels nor test images; the rest of theirs are
    unlabelled.
    """
    reader = RunReader(source, "evaluate")
    truth = reader.rows("truth")
    foreign = truth.filter(pc.field("label").isin(hidden))["image_id"]
    for name, tables in (("ingest", ("images", "truth")), ("featurize", ("features",))):
        mark = marks.mark_of(storage.join(source, name))
        s = Stage(name, run, mark["arguments"])
        s.facts, s.figures = dict(mark["facts"]), mark["figures"]
        for table in tables:
            rows = truth.filter(~pc.field("label").isin(hidden)) if table == "truth" else None
            s.write_rows(table, apart(reader.rows(table), foreign) if rows is None else rows)
        if name == "ingest":
            s.facts["classes"] = [c for c in s.facts["classes"] if c not in hidden]
        else:
            s.put_file(file_names.EXTRACTOR, reader.file("featurize", file_names.EXTRACTOR))
        marks.commit(s.home, s.mark(0, "hidden"))


def apart(rows: pa.Table, foreign: pa.ChunkedArray) -> pa.Table:
    """Rows without the test images among the foreign ones, whose others become unlabelled."""
    theirs = pc.is_in(rows["image_id"], foreign.combine_chunks())
    tested = pc.and_(theirs, pc.equal(rows["split"], "test"))
    split = pc.if_else(theirs, "unlabeled", rows["split"]).cast(pa.string())
    return rows.set_column(rows.column_names.index("split"), "split", split).filter(pc.invert(tested))


def kept_out(run: str, source: str, hidden: list[str]) -> tuple[float, float]:
    """The shares of foreign images, and of others whose truth is known, that were excluded as out of distribution."""
    label = arrow.by_id(RunReader(source, "evaluate").rows("truth"))
    s = RunReader(run, "evaluate")
    refused = s.rows("refused")
    novel = set(refused.filter(pc.field("reason") == OUT_OF_DISTRIBUTION)["image_id"].to_pylist())
    pool = [i for rows in (refused, s.rows("pseudo_labels")) for i in rows["image_id"].to_pylist() if i in label]
    foreign = [i in novel for i in pool if label[i] in hidden]
    return float(np.mean(foreign)), float(np.mean([i in novel for i in pool if label[i] not in hidden]))


if __name__ == "__main__":
    main()
