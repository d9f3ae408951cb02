"""The error of a file that gives no picture."""


class ImageError(ValueError):
    """Why a file gives no picture."""
