"""Files to an object store and back: big ones in parts, resumed after a kill, checked by their SHA-256.

Objects, parts of an object and beginnings of a file that are there already are not transferred again.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from kindred.runtime import checked_copy, file_checks, s3, s3_objects, storage
from kindred.runtime.checked_copy import Checksum

PART_BYTES = 16 * 2**20
MAX_PARTS = 10_000  # of one object: S3's limit

Count = Callable[[int], None]  # gets the number of bytes that have just been transferred, or were there


def upload(source: str, size: int, target: str, count: Count, expected: Checksum | None = None) -> Checksum:
    """Put a file of `size` bytes unless it is there; its SHA-256. The store checks each part by its MD5 as it comes
    in. Raises InputError for a file that has another than the `expected` checksum.
    """
    checksum, parts = _checksums(source, size)
    if expected is not None:
        file_checks.check_same(source, checksum, expected)
    bucket, key = s3.split(target)
    if _is_there(bucket, key, checksum):
        count(size)
    elif len(parts) == 1:
        content = next(_pieces(source, size))
        md5 = base64.b64encode(parts[0]).decode()
        metadata = {"sha256": checksum.digest}
        s3.client().put_object(Bucket=bucket, Key=key, Body=content, ContentMD5=md5, Metadata=metadata)
        count(size)
    else:
        _upload_parts(source, bucket, key, checksum, parts, count)
    return checksum


def download(source: str, target: Path, expected: Checksum, count: Count, advice: str) -> None:
    """Get an object unless it is here, from where an earlier try broke off. Raises InputError, which ends with the
    `advice`, where it has not the `expected` SHA-256.
    """
    if target.exists() and target.stat().st_size == expected.size and _sha256(target) == expected:
        count(expected.size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    if part.is_symlink():  # no earlier try made that
        part.unlink()
    with part.open("ab") as file:
        count(file.tell())
        for begin in range(file.tell(), expected.size, PART_BYTES):
            last = min(begin + PART_BYTES, expected.size) - 1
            piece = s3_objects.find(source, byte_range=(begin, last))
            if piece is None:
                raise checked_copy.changed(source, advice)
            file.write(piece[0])
            count(len(piece[0]))
    if _sha256(part) != expected:
        part.unlink()
        raise checked_copy.changed(source, advice)
    part.replace(target)


def _upload_parts(source: str, bucket: str, key: str, checksum: Checksum, parts: list[bytes], count: Count) -> None:
    """Put a big file in parts, but for those that an earlier try has put."""
    store = s3.client()
    upload_id, known = _unfinished_upload(bucket, key)
    if upload_id is None:
        started = store.create_multipart_upload(Bucket=bucket, Key=key, Metadata={"sha256": checksum.digest})
        upload_id = started["UploadId"]
    which = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
    done = []
    for number, (content, md5) in enumerate(zip(_pieces(source, checksum.size), parts, strict=True), start=1):
        etag = known.get(number, "")
        if etag.strip('"') != md5.hex():
            check = base64.b64encode(md5).decode()
            etag = store.upload_part(**which, PartNumber=number, Body=content, ContentMD5=check)["ETag"]
        done.append({"PartNumber": number, "ETag": etag})
        count(len(content))
    store.complete_multipart_upload(**which, MultipartUpload={"Parts": done})


def _unfinished_upload(bucket: str, key: str) -> tuple[str | None, dict[int, str]]:
    """The newest upload of an object that was begun and not ended, and the ETags of its parts by number."""
    store = s3.client()
    pages = store.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
    uploads = [upload for page in pages for upload in page.get("Uploads", []) if upload["Key"] == key]
    if not uploads:
        return None, {}
    newest = max(uploads, key=lambda upload: upload["Initiated"])["UploadId"]
    pages = store.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=newest)
    return newest, {part["PartNumber"]: part["ETag"] for page in pages for part in page.get("Parts", [])}


def _is_there(bucket: str, key: str, checksum: Checksum) -> bool:
    from botocore.exceptions import ClientError

    try:
        head = s3.client().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if s3.code_of(error) in s3.MISSING:
            return False
        raise
    return Checksum(head["ContentLength"], head["Metadata"].get("sha256")) == checksum


def _pieces(source: str, size: int) -> Iterator[bytes]:
    """The content of a file, in as many pieces as it has parts."""
    length = max(PART_BYTES, -(-size // MAX_PARTS))
    fs, inside = storage.filesystem(source)
    with fs.open(inside, "rb") as file:
        for _ in range(max(1, -(-size // length))):
            yield file.read(length)


def _checksums(source: str, size: int) -> tuple[Checksum, list[bytes]]:
    """The SHA-256 of a file, and the MD5 of each of its parts."""
    whole, parts = checked_copy.new_hash("sha256"), []
    for piece in _pieces(source, size):
        whole.update(piece)
        parts.append(hashlib.md5(piece, usedforsecurity=False).digest())
    return Checksum(size, whole.hexdigest()), parts


def _sha256(path: Path) -> Checksum:
    return checked_copy.checksum(storage.uri(str(path)), "sha256")
