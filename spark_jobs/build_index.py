"""features and final predictions of the gallery (the unlabelled images) -> index"""

from kindred import indexing, runs, screens, search, stage


def main(s: stage.Stage) -> str:
    classes, dataset = s.facts_of("ingest")["classes"], s.facts_of("ingest")["dataset"]["name"]
    count = int(sum(s.figures_of("ingest")[f"ingest/{split}"] for split in ("train", "unlabeled")))
    some = indexing.sample(count)
    sources = {"features": "features", "predictions_final": "probabilities"}
    samples = {column: s.matrix(table, column, some)[1] for table, column in sources.items()}
    made, folder = screens.fit(samples), runs.join(s.folder, "vectors")
    gallery = indexing.gallery(s.read("features"), s.read("predictions_final"), s.read("labels"))
    s.write("index", indexing.write(gallery, count, folder, made, dataset), of=count)
    written = s.written("index", ["shard", "images"]).to_pydict()
    widths = {column: sample.shape[1] for column, sample in samples.items()}
    about = {"classes": classes, "extractor": s.facts_of("featurize"), "built_from": s.inputs.copy()}
    search.finish(folder, search.described(widths=widths, **about), made, sorted(written["shard"]))
    s.facts = {**about, "folder": folder}
    s.figures = {"build_index/images": sum(written["images"]), "build_index/shards": len(written["shard"])}
    return f"{s.figures['build_index/images']:,} images to search in"


if __name__ == "__main__":
    stage.run(main)
