"""Which file, or which row of one, an image came from: the column `origin` of the table `images`, for people.

An origin is the URI of a file (`file:///photos/1.jpg`, `s3://bucket/1.jpg`), the URI of a Parquet file and the number
of a row in it (`file:///photos.parquet#000000000012`), or a part of a dataset and a number in it (`train#000012`).
"""

import re

from kindred.runtime import s3, storage

ROW = re.compile(r"#\d{12}$")  # as `parquet_rows` numbers rows


def path(origin: str) -> str:
    """An origin as a person would write it: of a local file its path.

    >>> path("file:///photos/1.jpg"), path("s3a://bucket/1.jpg"), path("train#000012")
    ('/photos/1.jpg', 's3://bucket/1.jpg', 'train#000012')
    """
    return f"s3://{'/'.join(s3.split(origin))}" if s3.is_s3(origin) else storage.local(origin)


def name(origin: str) -> str:
    """The last part of an origin.

    >>> name("file:///photos/1.jpg"), name("file:///photos.parquet#000000000012"), name("train#000012")
    ('1.jpg', 'photos.parquet#000000000012', 'train#000012')
    """
    return origin.rstrip("/").rsplit("/", 1)[-1]


def is_local_file(origin: str) -> bool:
    """Whether an image is a file of its own on a disk.

    >>> is_local_file("file:///photos/1.jpg"), is_local_file("s3://bucket/1.jpg"), is_local_file("train#000012")
    (True, False, False)
    >>> is_local_file("file:///photos.parquet#000000000012")
    False
    """
    return origin.startswith("file://") and ROW.search(origin) is None


def is_object(origin: str) -> bool:
    """Whether an image is an object of its own in a bucket.

    >>> is_object("s3://bucket/1.jpg"), is_object("s3://bucket/1.parquet#000000000012"), is_object("file:///1.jpg")
    (True, False, False)
    """
    return s3.is_s3(origin) and ROW.search(origin) is None
