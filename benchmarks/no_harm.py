"""Does the gate refuse harmful pseudo-labels? Many trials, honest and sabotaged, over datasets, budgets and draws.

    python benchmarks/no_harm.py --data digits::pixels stl10:DIR:mobilenet_v2 fashion_mnist:DIR:patch_kmeans --draws 12

A trial is scored on the test images and the images of hidden truth together. Sabotage spoils the pseudo-labels before
the candidate learns from them (`shuffled`: dealt out anew; `swapped`: those of two classes exchanged) or lets
`foreign` images into the pool: two classes lose their labels and test images, their images are forced into the pool of
the others. In the same trials the novelty score is on: it shows how many of the foreign images, and of the others, it
would have kept out.

JSON names: no_harm/trials, no_harm/accepted, no_harm/worse_by_quarter_point, no_harm/worse_by_point (accepted trials
more than 0.25 or 1 point below base), no_harm/median_gain_smallest (points, at each dataset's smallest budget),
sabotage/harmful (candidates 2 points or more below base), sabotage/refused (share of these that the gate refused),
novelty/kept_out, novelty/lost.
"""

import argparse
import statistics

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
SABOTAGES = ("shuffled", "swapped", "foreign")


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.set_defaults(limit=5000)
    parser.add_argument("--data", nargs="+", default=["digits::pixels"], metavar="DATASET:PATH:EXTRACTOR")
    parser.add_argument("--draws", type=int, default=12, help="of the labels, for each budget and dataset")
    parser.add_argument(
        "--sabotage-draws", type=int, default=4, help="for each dataset and sabotage, at 10 labels a class"
    )
    args = parser.parse_args()
    bench.start(args.master)
    honest, sabotaged, novelty = [], [], []
    with bench.temporary_run() as folder:
        for text in args.data:
            args.dataset, path, args.extractor = text.split(":")
            args.path = path or None
            source = storage.join(folder, f"{args.dataset}-source")
            classes = bench.prepare(source, args)[0]["facts"]["classes"]
            for budget in BUDGETS:
                for seed in range(args.draws):
                    figures = trial(storage.join(folder, f"{args.dataset}-{budget}-{seed}"), source, args, budget, seed)
                    honest.append((budget == BUDGETS[0], *outcome(figures)))
                    say(args.dataset, budget, seed, "honest", honest[-1][1:])
            for sabotage in SABOTAGES:
                for seed in range(args.sabotage_draws):
                    run = storage.join(folder, f"{args.dataset}-{sabotage}-{seed}")
                    figures = trial(run, source, args, 10, 100 + seed, sabotage, classes)
                    sabotaged.append(outcome(figures))
                    novelty += [figures["novelty"]] if "novelty" in figures else []
                    say(args.dataset, 10, 100 + seed, sabotage, sabotaged[-1])
    report(honest, sabotaged, novelty, args.json)


def report(honest: list[tuple], sabotaged: list[tuple], novelty: list[tuple], file: str | None) -> None:
    """Trials as (at the smallest budget, accepted, candidate's gain in points); sabotaged ones without the first."""
    taken = [gain for _, accepted, gain in honest if accepted]
    harmful = [accepted for accepted, gain in sabotaged if gain <= -2]
    figures = {
        "no_harm/trials": len(honest),
        "no_harm/accepted": len(taken),
        "no_harm/worse_by_quarter_point": sum(gain < -0.25 for gain in taken),
        "no_harm/worse_by_point": sum(gain < -1 for gain in taken),
        "no_harm/median_gain_smallest": statistics.median(a * gain for first, a, gain in honest if first),
        "no_harm/median_gain": statistics.median(accepted * gain for _, accepted, gain in honest),
        "sabotage/trials": len(sabotaged),
        "sabotage/harmful": len(harmful),
    }
    if harmful:
        figures["sabotage/refused"] = 1 - statistics.mean(harmful)
    if novelty:
        kept, lost = zip(*novelty, strict=True)
        figures |= {"novelty/kept_out": statistics.mean(kept), "novelty/lost": statistics.mean(lost)}
    print()
    bench.report([("figure", "value"), *figures.items()], figures, file)


def trial(
    run: str,
    source: str,
    args: argparse.Namespace,
    budget: int,
    seed: int,
    sabotage: str = "",
    classes: list[str] | None = None,
) -> dict[str, float]:
    """One run from the images and features of `source`; sabotaged where a `sabotage` is named. Its figures."""
    rng = np.random.default_rng(seed)
    if sabotage == "foreign":
        hidden = sorted(rng.choice(classes, 2, replace=False))
        hide(run, source, hidden)
    else:
        for name in ("ingest", "featurize"):
            marks.put(storage.join(run, name), marks.mark_of(storage.join(source, name)) or {})
    train = bench.arguments(args, stages.TRAIN_BASE, seed)
    pseudo = bench.arguments(args, stages.PSEUDO_LABEL, seed)
    chosen = {"labels_per_class": budget, "labels": None, "label_choice": "random", "stratified": True, "seed": seed}
    run_stage("choose_labels", run, **chosen)
    run_stage(stages.TRAIN_BASE, run, **train)
    novelty = {}
    if sabotage == "foreign":
        run_stage("pseudo_label", run, **pseudo)
        novelty = {"novelty": kept_out(run, source, hidden)}
        pseudo |= {"novelty": False, "threshold": 0.0}
    run_stage("pseudo_label", run, **pseudo)
    if sabotage in ("shuffled", "swapped"):
        spoil(run, sabotage, rng)
    run_stage(stages.TRAIN_FINAL, run, **train)
    run_stage("gate", run, gate=args.gate)
    run_stage("evaluate", run)
    stage_marks = [marks.mark_of(storage.join(run, name)) for name in ("gate", "evaluate")]
    return {**stage_marks[0]["figures"], **stage_marks[1]["figures"], **novelty}


def outcome(figures: dict[str, float]) -> tuple[int, float]:
    """Whether the gate accepted the candidate, and its gain in points of accuracy on test and hidden images."""
    tested, hidden = figures["base/test/images"], figures.get("base/hidden/images", 0)
    accuracies = [
        (figures[f"{m}/test/accuracy"] * tested + figures.get(f"{m}/hidden/accuracy", 0) * hidden) / (tested + hidden)
        for m in ("base", "candidate")
    ]
    return int(figures["gate/accepted"]), 100 * (accuracies[1] - accuracies[0])


def say(dataset: str, budget: int, seed: int, kind: str, result: tuple[int, float]) -> None:
    accepted, gain = result
    decision = "accepted" if accepted else "refused"
    print(f"{dataset} {budget} a class, draw {seed}, {kind}: candidate {gain:+.2f} points, {decision}", flush=True)


def spoil(run: str, sabotage: str, rng: np.random.Generator) -> None:
    """Commit sabotaged pseudo-labels in the place of the true ones."""
    mark = marks.mark_of(storage.join(run, "pseudo_label"))
    reader, s = RunReader(run, "train_final"), Stage("pseudo_label", run, mark["arguments"])
    s.inputs, s.figures = mark["inputs"], mark["figures"]
    s.write_rows("refused", reader.rows("refused"))
    one, other = rng.choice(sorted(set(reader.rows("pseudo_labels")["label"].to_pylist())), 2, replace=False)
    for name in ("pseudo_labels", "pseudo_labels_by_fold"):
        rows = reader.rows(name)
        labels = rows["label"].to_pylist()
        if sabotage == "shuffled":
            labels = rng.permutation(labels).tolist()
        else:
            labels = [{one: other, other: one}.get(label, label) for label in labels]
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
