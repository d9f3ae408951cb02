"""Objects of an S3 store: lists of millions of keys, whole objects, and puts under a condition."""

import contextlib
import random
import secrets
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import NamedTuple

from kindred.runtime import s3
from kindred.runtime.errors import InputError, Refused

PAGE = 1000  # keys in one answer: the most that S3 gives
LISTERS = 16  # folders that are listed side by side


class Object(NamedTuple):
    """What a bucket's list says of an object."""

    key: str
    size: int
    etag: str


class TooBig(ValueError):
    """An object of more bytes than are wanted."""


def list_objects(uri: str) -> list[Object]:
    """All objects below a prefix, sorted by key. Its folders are listed side by side, each page by page, so millions of
    keys take as long as the fullest folder. Raises InputError where the bucket cannot be listed.
    """
    bucket, prefix = s3.split(uri.rstrip("/") + "/")
    with s3.as_input_errors(uri):
        s3.client(s3.FIRST_ATTEMPTS).list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    with s3.as_input_errors(uri), ThreadPoolExecutor(LISTERS) as pool:
        objects: list[Object] = []
        pages = {pool.submit(_page, bucket, prefix, None)}
        while pages:
            done, pages = wait(pages, return_when=FIRST_COMPLETED)
            for page in done:
                here, folders, more = page.result()
                objects += here
                pages |= {pool.submit(_page, bucket, folder, None) for folder in folders}
                if more is not None:
                    pages.add(pool.submit(_page, bucket, *more))
    return sorted(objects)


def _page(bucket: str, prefix: str, token: str | None) -> tuple[list[Object], list[str], tuple[str, str] | None]:
    """One page of a folder's list: its objects, its folders, and where the next page begins."""
    next_page = {"ContinuationToken": token} if token else {}
    answer = s3.client().list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=PAGE, **next_page)
    here = [Object(o["Key"], o["Size"], o["ETag"].strip('"')) for o in answer.get("Contents", [])]
    folders = [folder["Prefix"] for folder in answer.get("CommonPrefixes", [])]
    more = (prefix, answer["NextContinuationToken"]) if answer.get("IsTruncated") else None
    return [o for o in here if not o.key.endswith("/")], folders, more  # a key that ends so stands for an empty folder


def find(
    uri: str,
    max_bytes: int | None = None,
    byte_range: tuple[int, int] | None = None,
    attempts: int = s3.ATTEMPTS,
) -> tuple[bytes, str] | None:
    """An object (or its bytes from and to `byte_range`, both included) and its version (its ETag), or None where there
    is none. A body that breaks off is fetched again, after a pause. Raises TooBig for one of over `max_bytes`.
    """
    from botocore import exceptions

    bucket, key = s3.split(uri)
    header = {} if byte_range is None else {"Range": f"bytes={byte_range[0]}-{byte_range[1]}"}
    broken = (exceptions.IncompleteReadError, exceptions.ReadTimeoutError, exceptions.ResponseStreamingError)
    attempt = 1
    while True:
        try:
            with s3.as_input_errors(uri):
                answer = s3.client(attempts).get_object(Bucket=bucket, Key=key, **header)
                with contextlib.closing(answer["Body"]) as body:
                    if max_bytes is not None and answer["ContentLength"] > max_bytes:
                        raise TooBig(uri)
                    return body.read(), answer["ETag"]
        except exceptions.ClientError as error:
            if s3.code_of(error) in s3.MISSING:
                return None
            raise
        except broken:
            if attempt == attempts:
                raise
            time.sleep(min(2**attempt, 20) * random.random())
            attempt += 1


def head(uri: str) -> Object | None:
    """What a store says of one object, or None where there is none; nothing is listed."""
    from botocore import exceptions

    bucket, key = s3.split(uri)
    try:
        with s3.as_input_errors(uri):
            answer = s3.client().head_object(Bucket=bucket, Key=key)
    except exceptions.ClientError as error:
        if s3.code_of(error) in s3.MISSING:
            return None
        raise
    return Object(key, answer["ContentLength"], answer["ETag"].strip('"'))


def hides_missing(uri: str) -> bool:
    """Whether a store that refuses this object may mean that it is not there: S3 says *forbidden* (403) of a missing
    object to those who may not list it.
    """
    bucket, key = s3.split(uri)
    try:
        with s3.as_input_errors(uri):
            s3.client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    except Refused:
        return True
    return False


def link(uri: str, seconds: int) -> str:
    """An address from which anyone can get an object for so long, signed with this process's key. Asks no store."""
    bucket, key = s3.split(uri)
    address: str = s3.client().generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, seconds)
    return address


def put_unless_changed(uri: str, content: bytes, version: str | None) -> bool:
    """Put an object if it still has `version` (None: if there is none); whether that was so. One atomic step in the
    store, so of two processes that saw the same version exactly one succeeds.
    """
    from botocore.exceptions import ClientError

    bucket, key = s3.split(uri)
    condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
    try:
        with s3.as_input_errors(uri):
            s3.client().put_object(Bucket=bucket, Key=key, Body=content, **condition)
    except ClientError as error:
        if s3.code_of(error) in s3.CHANGED | s3.MISSING:  # missing: it was deleted since it was read
            return False
        if s3.code_of(error) == "NotImplemented":
            line = f"{s3.endpoint()} knows no conditional puts (If-None-Match); use a store that does"
            raise InputError(line) from None
        raise
    return True


def delete(uri: str) -> None:
    """Delete the object with this URI and all below it; nothing happens where there is none. The URI is taken as it is:
    it is no pattern.
    """
    bucket, prefix = s3.split(uri.rstrip("/"))
    store = s3.client()
    with s3.as_input_errors(uri):
        store.delete_object(Bucket=bucket, Key=prefix)
        for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
            keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            refused = store.delete_objects(Bucket=bucket, Delete={"Objects": keys}).get("Errors") if keys else None
            if refused:
                raise InputError(f"{refused[0]['Key']} in {bucket} cannot be deleted: {refused[0].get('Code')}")


def check(uri: str) -> None:
    """Raise InputError, within seconds, unless objects below `uri` can be put under a condition and deleted."""
    from botocore.exceptions import ClientError

    bucket, prefix = s3.split(uri)
    key = f"{prefix}/.probe-{secrets.token_hex(8)}".lstrip("/")
    try:
        with s3.as_input_errors(uri):
            hasty = s3.client(s3.FIRST_ATTEMPTS)
            hasty.put_object(Bucket=bucket, Key=key, Body=b"")
    except ClientError as error:
        code = s3.code_of(error)
        if code.isdigit() and int(code) < 500:  # a status alone: a store says more
            line = f"what answers at {s3.endpoint()} is no object store (status {code}); fix AWS_ENDPOINT_URL"
            raise InputError(line) from None
        raise
    ignored = put_unless_changed(f"s3://{bucket}/{key}", b"", None)
    with s3.as_input_errors(uri):
        hasty.delete_object(Bucket=bucket, Key=key)
    if ignored:
        raise InputError(f"{s3.endpoint()} ignores conditional puts (If-None-Match); use a store that knows them")
