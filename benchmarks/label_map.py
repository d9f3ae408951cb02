"""Peak memory, time and CPU time of the stage label_map on generated label rows, on this machine.

    python benchmarks/label_map.py --rows 10000000 --json FILE

The rows are of 600 labels, the first of which are on many images and the last on few, and of eight times fewer images;
three in five are of persons, who may disagree. The stage runs in a process of its own, as in a DAG without a kept
driver. Memory is as in scale.py. JSON names: label_map/<rows>/seconds | cpu_seconds | megabytes | driver_megabytes |
workers_megabytes, and pairs, which have been counted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench
import generated
import numpy as np
import scale

from kindred.runtime import java, job, marks, runs, stages, storage
from kindred.runtime.stage import Stage

LABELS, ROWS_PER_IMAGE = 600, 8
OF_PERSONS, POSITIVE = 0.6, 0.6  # shares of the rows, and of those of persons
BLOCK = 500_000  # rows that are made at once
FILE = "oidv7-val-annotations-human-imagelabels.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--master", default="local[*]", help="of Spark")
    parser.add_argument("--folder", help="for the data; default: a temporary one")
    parser.add_argument("--inside", nargs=2, metavar=("RUN", "ARGUMENTS"), help="do the stage, here")
    bench.output_options(parser)
    args = parser.parse_args()
    if args.inside:
        bench.start(args.master, session=False)
        bench.run_stage(stages.LABEL_MAP, args.inside[0], **json.loads(args.inside[1]))
        return
    with tempfile.TemporaryDirectory(prefix="kindred-label-map-", dir=args.folder) as folder:
        measured = measure(args, folder)
    figures = {f"label_map/{args.rows}/{name}": value for name, value in measured.items()}
    rows = [("figure", "value"), *((name, float(value)) for name, value in figures.items())]
    bench.report(rows, figures, args.json, args.not_quiet)


def measure(args: argparse.Namespace, folder: str) -> dict[str, float]:
    """What the stage needs, and how many pairs it has counted."""
    write_rows(Path(folder, FILE), args.rows)
    env = {**os.environ, "KINDRED_DATA": f"{folder}/data", **java.environment()}
    os.environ["KINDRED_DATA"] = env["KINDRED_DATA"]
    run = runs.run_folder("benchmark", "one")
    job.execute(generated.write_ingest, None, Stage(stages.INGEST, run, {"count": 100}), time.time())
    arguments = json.dumps({"path": folder, "label_source": "both", "label_threshold": 0.8})
    command = [sys.executable, __file__, "--master", args.master, "--inside", run, arguments]
    with Path(folder, "log").open("wb") as log:
        measured = scale.watch(subprocess.Popen(command, env=env, stdout=log, stderr=log))
    if measured.pop("status"):
        raise RuntimeError(Path(folder, "log").read_text(errors="replace")[-2000:])
    mark = marks.mark_of(storage.join(run, stages.LABEL_MAP)) or {}
    return {**measured, "pairs": mark["figures"]["label_map/pairs"]}


def write_rows(file: Path, count: int) -> None:
    """A label table in the official layout."""
    rng = np.random.default_rng(0)
    with file.open("w") as lines:
        lines.write("ImageID,Source,LabelName,Confidence\n")
        for start in range(0, count, BLOCK):
            n = min(BLOCK, count - start)
            images = rng.integers(0, max(1, count // ROWS_PER_IMAGE), n)
            labels = (LABELS * rng.random(n) ** 3).astype(int)
            of_person, positive, probability = rng.random(n) < OF_PERSONS, rng.random(n) < POSITIVE, rng.random(n)
            for image, label, person, yes, share in zip(
                images.tolist(),
                labels.tolist(),
                of_person.tolist(),
                positive.tolist(),
                probability.tolist(),
                strict=True,
            ):
                said = f"verification,/m/{label:05d},{int(yes)}" if person else f"machine,/m/{label:05d},{share:.2f}"
                lines.write(f"{image * 2654435761 % 2**64:016x},{said}\n")


if __name__ == "__main__":
    main()
