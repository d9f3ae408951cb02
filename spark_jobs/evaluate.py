"""predictions of base and final, truth -> the run's figures and reports"""

from kindred import evaluate, metrics, stage
from kindred.errors import InputError


def main(s: stage.Stage) -> str:
    classes, truth = s.facts_of("ingest")["classes"], s.read("truth")
    for model in ("base", "final"):
        rows = evaluate.on_test(s.read(f"predictions_{model}"), truth)
        if rows.empty:
            raise InputError("no test image has a known label, so nothing can be evaluated")
        labels, probabilities = evaluate.arrays(rows, classes)
        scores = metrics.scores(labels, probabilities)
        s.figures |= {f"{model}/test/{name}": value for name, value in scores.items()}
        for name, content in evaluate.reports(labels, probabilities, classes).items():
            s.put_file(f"{model}-{name}", content)
            s.reports.append(f"{model}-{name}")
        hidden = evaluate.on_hidden(s.read(f"predictions_{model}"), truth, s.read("labels"))
        s.figures |= {f"{model}/hidden/{name}": value for name, value in hidden.items()}
    known, right = evaluate.pseudo_precision(s.read("pseudo_labels"), truth)
    s.figures["pseudo/known"] = known
    if known:
        s.figures["pseudo/precision"] = right / known
    base, final = s.figures["base/test/accuracy"], s.figures["final/test/accuracy"]
    return f"test accuracy base {base:.4f}, final {final:.4f} ({final - base:+.4f})"


if __name__ == "__main__":
    stage.run(main)
