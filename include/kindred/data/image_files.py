"""Image files as bytes: from a disk one by one, from a bucket several at a time, ahead of their use."""

import functools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from kindred.data import images
from kindred.runtime import s3, s3_objects, storage
from kindred.runtime.errors import Refused

UNREAD = "cannot be read"  # how a reason begins that may be gone the next time, though the file has not changed
SAMPLE = 1000  # objects that are asked for until one is not refused
CONCURRENT_READS = 8  # objects of a bucket that a task fetches at a time: more would not be faster on one network card


def read_file(uri: str) -> bytes:
    """An image file's content. Raises ImageError for a file that is too big or cannot be read; a bucket that does not
    answer is no fault of the image, and ends the task.
    """
    if s3.is_s3(uri):
        return _read_object(uri)
    fs, inside = storage.filesystem(uri)
    try:
        if fs.size(inside) > images.MAX_BYTES:
            raise images.ImageError(f"over {images.MAX_BYTES // 2**20} MiB")
        content: bytes = fs.cat_file(inside)
        return content
    except OSError as error:
        raise images.ImageError(f"{UNREAD}: {error.strerror or error}") from None


def read_ahead(uris: Iterable[str]) -> Generator[Callable[[], bytes], None, None]:
    """For each file, in the given order, a function that returns its content or raises what `read_file` raises, and
    ImageError for a refused object that may be missing (`check_not_all_refused`). Objects of a bucket are fetched
    several at a time before they are needed: each takes a round trip over the network.
    """
    pending: deque[Callable[[], bytes]] = deque()
    with ThreadPoolExecutor(CONCURRENT_READS) as pool:
        for uri in uris:
            pending.append(pool.submit(_read_one, uri).result if s3.is_s3(uri) else functools.partial(read_file, uri))
            if len(pending) > CONCURRENT_READS:
                yield pending.popleft()
        yield from pending


def check_not_all_refused(uris: Sequence[str]) -> None:
    """Raise InputError where a bucket refuses all of these objects, of very many an even sample: then the bucket is not
    to be read, and none of them is just missing.
    """
    sample = uris[:: max(1, -(-len(uris) // SAMPLE))]
    refusals: list[Refused | None] = []
    with ThreadPoolExecutor(CONCURRENT_READS) as pool:
        for start in range(0, len(sample), CONCURRENT_READS):
            refusals = [*pool.map(_refusal, sample[start : start + CONCURRENT_READS])]
            if None in refusals:
                return
    if refusals and refusals[0] is not None:
        raise refusals[0]


def _refusal(uri: str) -> Refused | None:
    try:
        s3_objects.head(uri)
    except Refused as refusal:
        return refusal
    return None


def _read_one(uri: str) -> bytes:
    """An object among others, of which some can be read."""
    try:
        return _read_object(uri)
    except Refused:
        if not s3_objects.hides_missing(uri):
            raise
        raise images.ImageError(f"{UNREAD}: the bucket refuses it (403), as it does what is missing") from None


def _read_object(uri: str) -> bytes:
    try:
        answer = s3_objects.find(uri, images.MAX_BYTES)
    except s3_objects.TooBig:
        raise images.ImageError(f"over {images.MAX_BYTES // 2**20} MiB") from None
    if answer is None:
        raise images.ImageError(f"{UNREAD}: it is gone from the bucket")
    return answer[0]
