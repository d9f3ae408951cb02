"""self_training in one process with `local[2]`: its figures as one line of JSON."""

import json
import sys

import bench

from kindred.runtime import storage

if __name__ == "__main__":
    args = bench.self_training_parser(__doc__).parse_args(["--master", "local[2]", *sys.argv[2:]])
    bench.start(args.master)
    with bench.temporary_run() as folder:
        figures = bench.self_train(storage.join(folder, "reference"), args, int(sys.argv[1]), 0)
    sys.stdout.write(f"figures {json.dumps(figures)}\n")
