"""S3 by boto3: where the store is, this process's client, and refusals in plain words.

Where the store is and who asks comes from the environment alone: AWS_ENDPOINT_URL (unset: Amazon's),
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION. Without a key, requests are not signed: that reads public
buckets. Objects are listed, read and put by `s3_objects.py`.
"""

import contextlib
import functools
import os
import re
from collections.abc import Iterator
from typing import Any

from kindred.runtime.errors import InputError, Refused

AMAZON = "Amazon S3"
# A store that answers "slow down" for half a minute is waited for: the pauses double, from one second to twenty.
ATTEMPTS = 10
FIRST_ATTEMPTS = 2  # of the first contact, so that a wrong address is reported within seconds
CONNECT_SECONDS, READ_SECONDS = 5, 60
CONNECTIONS = 32  # at a time: those that list folders, and as many that read
# Codes of refusals, as stores name them.
MISSING = {"404", "NoSuchKey", "NotFound", "InvalidRange"}
FORBIDDEN = {"403", "AccessDenied", "AllAccessDisabled"}
WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidClientTokenId"}
WRONG_KEY |= {"XAdminUserNotFound"}  # versitygw's word for it
CHANGED = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}


def is_s3(uri: str) -> bool:
    """Whether a URI lies in an S3 store.

    >>> is_s3("s3://photos/cats"), is_s3("s3a://photos/cats"), is_s3("file:///photos/cats")
    (True, True, False)
    """
    return re.match(r"s3[an]?://", uri) is not None


def split(uri: str) -> tuple[str, str]:
    """The bucket and the key of a URI. Raises InputError for one without a bucket.

    >>> split("s3://photos/cats/1.png")
    ('photos', 'cats/1.png')
    """
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

    version = "s3v4" if signed else UNSIGNED  # links would else be signed in a way that stores no longer take
    config = Config(max_pool_connections=CONNECTIONS, signature_version=version, **settings(attempts))
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return boto3.session.Session().client("s3", region_name=region, config=config)


@contextlib.contextmanager
def as_input_errors(uri: str) -> Iterator[None]:
    """Raise InputError, in one line that names the variable, for what a person can fix: address, key, bucket."""
    from botocore import exceptions

    bucket = split(uri)[0]
    try:
        yield
    except exceptions.ClientError as error:
        line = _advice(code_of(error), uri, bucket)
        if line is None:
            raise
        raise (Refused if code_of(error) in FORBIDDEN else InputError)(line) from None
    except exceptions.ParamValidationError as error:
        raise InputError(f"fix {uri}: {str(error).splitlines()[-1]}") from None
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError):
        raise InputError(f"no object store answers at {endpoint()}; fix AWS_ENDPOINT_URL") from None
    except ValueError as error:
        if "Invalid endpoint" not in str(error):
            raise
        raise InputError(f"{endpoint()!r} is no address; fix AWS_ENDPOINT_URL") from None


def _advice(code: str, uri: str, bucket: str) -> str | None:
    """What to fix where the store refuses with `code`; None where nobody can."""
    if code in WRONG_KEY:
        return f"{endpoint()} does not know the key ({code}); fix AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if code in FORBIDDEN and not has_key():
        return f"bucket {bucket!r} at {endpoint()} is not public; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if code in FORBIDDEN:
        return f"the key of AWS_ACCESS_KEY_ID may not do this with {uri} at {endpoint()}; give it the right to"
    if code == "NoSuchBucket":
        return f"no bucket {bucket!r} at {endpoint()}; make it, or fix {uri} or AWS_ENDPOINT_URL"
    if code == "InvalidBucketName":
        return f"{bucket!r} is no name of a bucket; fix {uri}"
    return None


def code_of(error: Any) -> str:
    """The code of a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))
