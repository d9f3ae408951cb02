"""out-of-fold predictions of base and candidate -> the final model: the candidate, or base where it may do harm"""

import numpy as np

from kindred.features import featurize
from kindred.learning import folds, gate_without_labels, networks, onnx_model
from kindred.learning.gate import Decision, Predicted, decide, decide_label_sets, paired, paired_label_sets
from kindred.learning.gate_without_labels import Untested
from kindred.runtime import file_names, job
from kindred.runtime.stage import Stage


def main(s: Stage, *, gate: str) -> str:
    classes = s.classes()
    labels = s.rows("labels")
    pseudo_labels = s.figures_of("pseudo_label")["pseudo/count"]
    base, candidate = s.rows("out_of_fold"), s.rows("out_of_fold_candidate")
    decision: Decision | Untested
    if s.multi_label():
        thresholds = [s.facts_of(stage)["thresholds"] for stage in ("train_base", "train_final")]
        known, *values = paired_label_sets(labels, base, candidate, classes)
        predicted = (Predicted(*one) for one in zip(values, map(np.array, thresholds), strict=True))
        decision = decide_label_sets(known, *predicted, gate, pseudo_labels)
    elif len(base):
        decision = decide(*paired(labels, base, candidate, classes), gate, pseudo_labels)
    else:
        decision = gate_without_labels.decide(gate, pseudo_labels)
    chosen = "candidate" if decision.accepted else "base"
    s.adopt("predictions_final", f"predictions_{chosen}")
    source = "train_final" if decision.accepted else "train_base"
    network = networks.from_bytes(s.file(source, folds.network_file(folds.ALL)))
    cv = {name: value for name, value in s.figures_of(source).items() if name.startswith(f"{chosen}/cv/")}
    s.figures = {**decision.figures(), **{name.replace(chosen, "final", 1): value for name, value in cv.items()}}
    s.facts = {"chosen": chosen, "reason": decision.reason, "model": _model(s, network, classes)}
    if network.thresholds is not None:
        s.facts["thresholds"] = network.thresholds
    if s.facts_of("pseudo_label").get("known_classes"):
        s.put_file(file_names.KNOWN_CLASSES, s.file("pseudo_label", file_names.KNOWN_CLASSES))
        s.facts["known_classes"] = True
    return decision.summary()


def _model(s: Stage, network: networks.Network, classes: list[str]) -> dict:
    """The files of the final model, with one graph for the whole way from pixels where the extractor can be part of
    it, and what else it needs.
    """
    extractor, channels = featurize.Extractor.from_facts(s.facts_of("featurize")), s.facts_of("ingest")["channels"]
    description = extractor.description(classes, channels, network.thresholds)
    files = {file_names.NETWORK: network.to_bytes(), file_names.DESCRIPTION: description}
    graph = s.file("featurize", file_names.EXTRACTOR) if extractor.graph else None
    if graph and extractor.is_one_graph:
        model = onnx_model.whole_model(graph, network, channels, extractor.interpolation, extractor.crop)
        run = s.run.rsplit("/", 1)[1]
        files[file_names.MODEL] = onnx_model.described(model, classes, extractor, channels, run, network.thresholds)
    elif graph:  # a function comes before it, or OpenVINO runs it, whose Resize is not Pillow's
        files[file_names.EXTRACTOR] = graph
    example = s.first("images", "content")
    for name, content in {**files, file_names.EXAMPLE: example}.items():
        s.put_file(name, content)
    return {"files": list(files), "example": file_names.EXAMPLE, "classes": classes, "packages": extractor.packages}


if __name__ == "__main__":
    job.run(main)
