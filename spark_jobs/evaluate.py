"""predictions of base and candidate, truth -> the run's figures and reports"""

import pyarrow.dataset as ds

from kindred import bootstrap, evaluate, metrics, stage
from kindred.errors import InputError

TEST = ds.field("split") == "test"


def main(s: stage.Stage) -> str:
    classes, chosen = s.facts_of("ingest")["classes"], s.facts_of("gate")["chosen"]
    truth = s.rows("truth").to_pandas().set_index("image_id")["label"]
    given = set(s.rows("labels", ["image_id"])["image_id"].to_pylist())
    said = []
    for model in ("base", "candidate"):
        rows = evaluate.on_test(s.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST), truth)
        if rows.empty:
            raise InputError("no test image has a known label, so nothing can be evaluated")
        labels, probabilities = evaluate.arrays(rows, classes)
        said.append(probabilities)
        scores = metrics.scores(labels, probabilities)
        s.figures |= {f"{model}/test/{name}": value for name, value in {**scores, "images": len(labels)}.items()}
        for name, content in evaluate.reports(labels, probabilities, classes).items():
            s.report(f"{model}-{name}", content)
        others = s.rows(f"predictions_{model}", ["image_id", "prediction"], ~TEST)
        hidden = evaluate.on_hidden(others, truth, given)
        s.figures |= {f"{model}/hidden/{name}": value for name, value in hidden.items()}
    s.figures |= evaluate.compared(labels, *said, bootstrap.intervals(labels, *said))
    for name, value in list(s.figures.items()):
        if name.startswith(f"{chosen}/"):
            s.figures[name.replace(chosen, "final", 1)] = value
    by_class = evaluate.pseudo_by_class(s.rows("pseudo_labels"), s.rows("refused"), truth)
    s.report("pseudo-labels.csv", evaluate.csv(by_class))
    s.figures["pseudo/known"] = int(by_class["known"].sum())
    if s.figures["pseudo/known"]:
        s.figures["pseudo/precision"] = float(by_class["right"].sum() / s.figures["pseudo/known"])
    base, final = s.figures["base/test/accuracy"], s.figures["final/test/accuracy"]
    return f"test accuracy base {base:.4f}, final {final:.4f} ({final - base:+.4f})"


if __name__ == "__main__":
    stage.run(main)
