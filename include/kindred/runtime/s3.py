"""S3 by boto3: one client with patience, lists of millions of keys, whole objects, and puts under a condition.

Where the store is and who asks comes from the environment alone: AWS_ENDPOINT_URL (unset: Amazon's),
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION. Without a key, requests are not signed: that reads public
buckets.
"""

import contextlib
import functools
import itertools
import os
import random
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from kindred.runtime.errors import InputError

AMAZON = "Amazon S3"
PAGE = 1000  # keys in one answer: the most that S3 gives
LISTERS = 16  # folders that are listed side by side
# A store that answers "slow down" for half a minute is waited for: the pauses double, from one second to twenty.
ATTEMPTS = 10
FIRST_ATTEMPTS = 2  # of the first contact, so that a wrong address is told within seconds
CONNECT_SECONDS, READ_SECONDS = 5, 60
MISSING = {"404", "NoSuchKey", "NotFound", "InvalidRange"}
FORBIDDEN = {"403", "AccessDenied", "AllAccessDisabled"}
WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidClientTokenId"}
WRONG_KEY |= {"XAdminUserNotFound"}  # versitygw's word for it
CHANGED = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}


class Object(NamedTuple):
    """What a bucket's list says of an object."""

    key: str
    size: int
    etag: str


class TooBig(ValueError):
    """An object of more bytes than are wanted."""


def is_s3(uri: str) -> bool:
    return re.match(r"s3[an]?://", uri) is not None


def split(uri: str) -> tuple[str, str]:
    """The bucket and the key of a URI. Raises InputError for one without a bucket."""
    bucket, _, key = re.sub(r"^s3[an]?://", "", uri).partition("/")
    if not bucket:
        raise InputError(f"{uri!r} names no bucket; write s3://bucket/prefix")
    return bucket, key


def endpoint() -> str:
    """Where the store is, for people."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or AMAZON


def has_key() -> bool:
    """Whether there is a key to sign with: in the environment, in AWS's files, or from the machine's role."""
    return _has_key(os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_PROFILE"))


@functools.cache
def _has_key(*_: Any) -> bool:
    import botocore.session

    return botocore.session.get_session().get_credentials() is not None


def settings(attempts: int = ATTEMPTS) -> dict[str, Any]:
    """botocore's settings for a store in the network: patience, and bucket names in the path where the store is not
    Amazon's.
    """
    retries = {"mode": "standard", "total_max_attempts": attempts}
    style = "auto" if endpoint() == AMAZON else "path"
    timeouts = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    return {"retries": retries, "s3": {"addressing_style": style}, **timeouts}


def file_system_options() -> dict[str, Any]:
    """What fsspec's file system for S3 is made with. Its cache of lists is off: other processes write too. The address
    is given, for fsspec keeps a file system for each set of options.
    """
    where = None if endpoint() == AMAZON else endpoint()
    return {"endpoint_url": where, "anon": not has_key(), "use_listings_cache": False, "config_kwargs": settings()}


def client(attempts: int = ATTEMPTS) -> Any:
    """This process's client; `attempts` counts the first one."""
    key = tuple(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    return _client(attempts, os.getpid(), endpoint(), key, has_key())


@functools.cache
def _client(attempts: int, process: int, where: str, key: tuple, signed: bool) -> Any:
    """Connections do not survive a fork, so a process has its own."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    unsigned = {} if signed else {"signature_version": UNSIGNED}
    config = Config(max_pool_connections=2 * LISTERS, **settings(attempts), **unsigned)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return boto3.session.Session().client("s3", region_name=region, config=config)


@contextlib.contextmanager
def in_one_line(uri: str) -> Iterator[None]:
    """What a person can mend (the address, the key, the bucket) as an InputError that names the variable."""
    from botocore import exceptions

    bucket = split(uri)[0]
    try:
        yield
    except exceptions.ClientError as error:
        line = _advice(code_of(error), uri, bucket)
        if line is None:
            raise
        raise InputError(line) from None
    except exceptions.ParamValidationError as error:
        raise InputError(f"mend {uri}: {str(error).splitlines()[-1]}") from None
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError):
        raise InputError(f"no object store answers at {endpoint()}; mend AWS_ENDPOINT_URL") from None
    except ValueError as error:
        if "Invalid endpoint" not in str(error):
            raise
        raise InputError(f"{endpoint()!r} is no address; mend AWS_ENDPOINT_URL") from None


def _advice(code: str, uri: str, bucket: str) -> str | None:
    """What to mend where the store refuses with `code`; None where nobody can."""
    if code in WRONG_KEY:
        return f"{endpoint()} does not know the key ({code}); mend AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if code in FORBIDDEN and not has_key():
        return f"bucket {bucket!r} at {endpoint()} is not public; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if code in FORBIDDEN:
        return f"the key of AWS_ACCESS_KEY_ID may not do this with {uri} at {endpoint()}; give it the right to"
    if code == "NoSuchBucket":
        return f"no bucket {bucket!r} at {endpoint()}; make it, or mend {uri} or AWS_ENDPOINT_URL"
    if code == "InvalidBucketName":
        return f"{bucket!r} is no name of a bucket; mend {uri}"
    return None


def code_of(error: Any) -> str:
    """The code of a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


def objects(uri: str) -> list[Object]:
    """All objects below a prefix, sorted by key. Its folders are listed side by side, each page by page, so millions of
    keys take as long as the fullest folder. Raises InputError where the bucket cannot be listed.
    """
    bucket, prefix = split(uri.rstrip("/") + "/")
    with in_one_line(uri):
        client(FIRST_ATTEMPTS).list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    with in_one_line(uri), ThreadPoolExecutor(LISTERS) as pool:
        found, at_work = [], {pool.submit(_page, bucket, prefix, None)}
        while at_work:
            done, at_work = wait(at_work, return_when=FIRST_COMPLETED)
            for page in done:
                here, folders, more = page.result()
                found += here
                at_work |= {pool.submit(_page, bucket, folder, None) for folder in folders}
                if more is not None:
                    at_work.add(pool.submit(_page, bucket, *more))
    return sorted(found)


def _page(bucket: str, prefix: str, token: str | None) -> tuple[list[Object], list[str], tuple[str, str] | None]:
    """One page of a folder's list: its objects, its folders, and where the next page begins."""
    next_page = {"ContinuationToken": token} if token else {}
    answer = client().list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=PAGE, **next_page)
    here = [Object(o["Key"], o["Size"], o["ETag"].strip('"')) for o in answer.get("Contents", [])]
    folders = [folder["Prefix"] for folder in answer.get("CommonPrefixes", [])]
    more = (prefix, answer["NextContinuationToken"]) if answer.get("IsTruncated") else None
    return [o for o in here if not o.key.endswith("/")], folders, more  # a key that ends so stands for an empty folder


def get(uri: str, most: int | None = None, part: tuple[int, int] | None = None) -> tuple[bytes, str] | None:
    """An object (or its bytes from and to `part`, both included) and its version (its ETag), or None where there is
    none. A body that breaks off is fetched again, after a pause. Raises TooBig for one of over `most` bytes.
    """
    from botocore import exceptions

    bucket, key = split(uri)
    wanted = {} if part is None else {"Range": f"bytes={part[0]}-{part[1]}"}
    broken = (exceptions.IncompleteReadError, exceptions.ReadTimeoutError, exceptions.ResponseStreamingError)
    for attempt in itertools.count(1):
        try:
            with in_one_line(uri):
                answer = client().get_object(Bucket=bucket, Key=key, **wanted)
                with contextlib.closing(answer["Body"]) as body:
                    if most is not None and answer["ContentLength"] > most:
                        raise TooBig(uri)
                    return body.read(), answer["ETag"]
        except exceptions.ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise
        except broken:
            if attempt == ATTEMPTS:
                raise
            time.sleep(min(2**attempt, 20) * random.random())


def put_unless_changed(uri: str, content: bytes, version: str | None) -> bool:
    """Put an object if it still has `version` (None: if there is none); whether that was so. One atomic step in the
    store, so of two processes that saw the same version exactly one succeeds.
    """
    from botocore.exceptions import ClientError

    bucket, key = split(uri)
    condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
    try:
        with in_one_line(uri):
            client().put_object(Bucket=bucket, Key=key, Body=content, **condition)
    except ClientError as error:
        if code_of(error) in CHANGED | MISSING:  # missing: it was deleted since it was read
            return False
        if code_of(error) == "NotImplemented":
            raise InputError(f"{endpoint()} knows no conditional puts (If-None-Match); use a store that does") from None
        raise
    return True


def check(uri: str) -> None:
    """Raise InputError, within seconds, unless objects below `uri` can be put under a condition and deleted."""
    from botocore.exceptions import ClientError

    bucket, prefix = split(uri)
    key = f"{prefix}/.probe-{secrets.token_hex(8)}".lstrip("/")
    try:
        with in_one_line(uri):
            hasty = client(FIRST_ATTEMPTS)
            hasty.put_object(Bucket=bucket, Key=key, Body=b"")
    except ClientError as error:
        if code_of(error).isdigit() and int(code_of(error)) < 500:  # a status alone: a store says more
            line = f"what answers at {endpoint()} is no object store (status {code_of(error)}); mend AWS_ENDPOINT_URL"
            raise InputError(line) from None
        raise
    ignored = put_unless_changed(f"s3://{bucket}/{key}", b"", None)
    with in_one_line(uri):
        hasty.delete_object(Bucket=bucket, Key=key)
    if ignored:
        raise InputError(f"{endpoint()} ignores conditional puts (If-None-Match); use a store that knows them")
