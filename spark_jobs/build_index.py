"""features and final predictions of the gallery (the unlabelled images) -> index"""

from kindred import stage


def main(s: stage.Stage) -> str:
    given = s.read("labels").select("image_id")
    features = s.read("features").where("split in ('train', 'unlabeled')").dropDuplicates(["image_id"])
    gallery = features.join(given, "image_id", how="left_anti").select("image_id", "split", "features")
    predictions = s.read("predictions_final")
    count = s.write("index", gallery.join(predictions, ["image_id", "split"], how="inner")).count()
    s.facts = {"classes": s.facts_of("ingest")["classes"], "built_from": s.inputs.copy()}
    s.figures = {"build_index/images": count}
    return f"{count:,} images to search in"


if __name__ == "__main__":
    stage.run(main)
