"""The published study on STL-10, and how it compares with its reproduction and with this pipeline's own result."""

from kindred.runtime import file_names, results, storage

# Accuracy, F1 and MCC on the official 8,000 test images, base and final, as the study reports them.
PUBLISHED = {
    "base/test/accuracy": 0.6694,
    "base/test/f1": 0.6718,
    "base/test/mcc": 0.6336,
    "final/test/accuracy": 0.6604,
    "final/test/f1": 0.6617,
    "final/test/mcc": 0.6230,
}


def compare(reproduced: str, ours: str) -> str:
    """A table of the two runs (URIs of their folders) beside the study; also kept as the summary of a run
    above them.
    """
    columns = {"published": PUBLISHED, "reproduced": results.read(reproduced), "ours": results.read(ours)}
    lines = [f"{'':22}" + "".join(f"{title:>12}" for title in columns)]
    for name in PUBLISHED:
        lines.append(f"{name:22}" + "".join(f"{figures[name]:>12.4f}" for figures in columns.values()))
    for title, figures in columns.items():
        difference = figures["final/test/accuracy"] - figures["base/test/accuracy"]
        lines.append(f"{title}: final - base = {difference:+.4f}")
    text = "\n".join(lines)
    folder = reproduced.removesuffix("-reproduced")
    storage.put_bytes(storage.join(folder, file_names.SUMMARY), text.encode())
    named = {f"{title}/{name}": value for title, figures in columns.items() for name, value in figures.items()}
    storage.put_json(storage.join(folder, file_names.METRICS), named)
    return text
