"""Keypoints of a picture, and how they are stored: in at most MAX_BYTES.

The file is a head (magic number, bytes of a descriptor, longer side), the points as uint16 in steps of 1/65,535 of the
longer side, and the descriptors. All numbers are little-endian.
"""

import functools
import struct
from dataclasses import dataclass

import numpy as np

from kindred.runtime.errors import InputError

MAX_SIDE_PX = 1024  # larger pictures are shrunk before keypoints are looked for
MAX_BYTES = 30_000  # of a picture's keypoints
MAGIC = b"KKP1"
HEAD = struct.Struct("<4sHI")
POINT_BYTES = 4
POINT_STEPS = 65_535  # along the longer side
TOP = 15  # the greatest number that half a byte holds


@dataclass(frozen=True)
class Keypoints:
    """n keypoints, strongest first: points float32 [n, 2], x and y in px of the original picture, whose longer side is
    `side_px`; descriptors uint8 [n, k], k bytes each: bits, or `packed` numbers.
    """

    points: np.ndarray
    descriptors: np.ndarray
    side_px: int

    def __len__(self) -> int:
        return len(self.points)

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """The numbers of `packed` descriptors, float32 [n, 2 k]: first halves of bytes first."""
        return np.hstack([self.descriptors & TOP, self.descriptors >> 4], dtype=np.float32)

    @property
    def step_px(self) -> float:
        """How many px of the original are one px of the picture in which the keypoints were found."""
        return max(1.0, self.side_px / MAX_SIDE_PX)

    def to_bytes(self) -> bytes:
        """The strongest keypoints that MAX_BYTES hold."""
        width = self.descriptors.shape[1]
        kept = capacity(width)
        steps = np.rint(np.clip(self.points[:kept] / self.side_px, 0, 1) * POINT_STEPS).astype("<u2")
        return HEAD.pack(MAGIC, width, self.side_px) + steps.tobytes() + self.descriptors[:kept].tobytes()

    @staticmethod
    def from_bytes(content: bytes) -> "Keypoints":
        """The keypoints that `to_bytes` stored. Raises InputError for other bytes."""
        if len(content) < HEAD.size or not content.startswith(MAGIC):
            raise InputError(f"no keypoints: {len(content):,} bytes that do not begin with {MAGIC!r}")
        _, width, side_px = HEAD.unpack_from(content)
        count, rest = divmod(len(content) - HEAD.size, POINT_BYTES + width)
        if rest:
            raise InputError(f"keypoints are cut off: {rest} bytes behind {count} keypoints of {width} bytes")
        steps = np.frombuffer(content, "<u2", 2 * count, HEAD.size).reshape(count, 2)
        descriptors = np.frombuffer(content, np.uint8, count * width, HEAD.size + POINT_BYTES * count)
        points = (steps * (side_px / POINT_STEPS)).astype(np.float32)
        return Keypoints(points, descriptors.reshape(count, width), side_px)


def capacity(width: int) -> int:
    """How many keypoints with descriptors of `width` bytes MAX_BYTES hold.

    >>> capacity(64)
    441
    """
    return (MAX_BYTES - HEAD.size) // (POINT_BYTES + width)


def packed(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 to TOP, uint8 [n, 2 k], two in a byte: [n, k]. Half the bytes leave room for twice as many
    keypoints, which tell more than finer numbers do.

    >>> packed(np.array([[1, 2, 15, 0]], np.uint8))
    array([[33, 15]], dtype=uint8)
    """
    return numbers[:, ::2] | numbers[:, 1::2] << 4
