"""The keypoints of many images in a temporary file: a query needs those of a hundred, and all may be gigabytes."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator

from kindred.features.keypoints import Keypoints
from kindred.runtime import stages, variants
from kindred.runtime.run_reader import RunReader


class KeypointStore:
    """Filled once, then read by any thread.

    >>> store = KeypointStore([("a", b"")])
    >>> store.get("b") is None
    True
    """

    def __init__(self, rows: Iterable[tuple[str, bytes]], binary: bool = False) -> None:
        self.binary = binary  # whether descriptors are bits
        self._file = tempfile.TemporaryFile(prefix="kindred-keypoints-")
        self._places: dict[str, tuple[int, int]] = {}  # offset and length in bytes
        offset = 0
        for image_id, content in rows:
            self._file.write(content)
            self._places[image_id] = offset, len(content)
            offset += len(content)
        self._file.flush()

    def get(self, image_id: str) -> Keypoints | None:
        """The keypoints of an image; None where it has not been looked at."""
        if image_id not in self._places:
            return None
        offset, length = self._places[image_id]
        return Keypoints.from_bytes(os.pread(self._file.fileno(), length, offset))

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def of_split(reader: RunReader, split: str) -> Iterator[KeypointStore | None]:
    """The keypoints of a run's queries or gallery; None where the run has looked for none."""
    local_features = reader.facts_of(stages.KEYPOINTS)["local_features"]
    if local_features == variants.NONE:
        yield None
        return
    binary = variants.load("local_features", local_features).BINARY
    with contextlib.closing(KeypointStore(_rows(reader, split), binary)) as store:
        yield store


def _rows(reader: RunReader, split: str) -> Iterator[tuple[str, bytes]]:
    for batch in reader.batches("keypoints", ["image_id", "split", "keypoints"]):
        for row in batch.to_pylist():
            if row["split"] == split:
                yield row["image_id"], row["keypoints"]
