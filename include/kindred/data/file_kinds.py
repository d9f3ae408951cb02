"""What a file is, by its first bytes: the name of a kind that is no image, or of one that is not read."""

import re

HEAD_BYTES = 1024  # in which text may begin

# Offset, first bytes, name. Camera raws that are TIFFs inside are in `tiff_kinds`.
SIGNATURES = (
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"MM\x00+", "BigTIFF with its bytes in big-endian order"),
    (0, b"%PDF-", "PDF"),
    (0, b"8BPS", "Photoshop (PSD)"),
    (0, b"\x00\x00\x01\x00", "icon (ICO)"),
    (0, b"\x00\x00\x02\x00", "cursor (CUR)"),
    (0, b"icns", "icon (ICNS)"),
    (0, b"DDS ", "DDS"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"gimp xcf", "GIMP (XCF)"),
    (0, b"qoif", "QOI"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"FUJIFILMCCD-RAW", "camera raw (RAF)"),
    (0, b"FOVb", "camera raw (X3F)"),
    (0, b"IIRO", "camera raw (ORF)"),
    (0, b"IIRS", "camera raw (ORF)"),
    (0, b"MMOR", "camera raw (ORF)"),
    (0, b"IIU\x00", "camera raw (RW2)"),
    (8, b"CR\x02", "camera raw (CR2)"),
    (4, b"ftypcrx ", "camera raw (CR3)"),
    (4, b"ftypisom", "MP4 video"),
    (4, b"ftypiso2", "MP4 video"),
    (4, b"ftypmp4", "MP4 video"),
    (4, b"ftypM4V", "MP4 video"),
    (4, b"ftypqt  ", "QuickTime video"),
    (4, b"moov", "QuickTime video"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (8, b"AVI ", "AVI video"),
    (0, b"PK\x03\x04", "zip archive"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"BZh", "bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "xz archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (0, b"Rar!", "rar archive"),
    (0, b"PAR1", "Parquet"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"\x93NUMPY", "NumPy array"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (0, b"version https://git-lfs.github.com/spec/", "Git LFS pointer (run git lfs pull)"),
)
TEXTS = (
    (rb"<svg[\s>]", "SVG"),
    (rb"<!doctype html|<html[\s>]", "web page (HTML)"),
    (rb"\A\s*<\?xml", "XML"),
)


def unreadable(content: bytes) -> str | None:
    """The name of the kind of a file that is known and not read, or None.

    >>> unreadable(b"%PDF-1.4"), unreadable(b"BM")
    ('PDF', None)
    """
    for offset, signature, name in SIGNATURES:
        if content.startswith(signature, offset):
            return name
    head = content[:HEAD_BYTES]
    for pattern, name in TEXTS:
        if re.search(pattern, head, re.IGNORECASE):
            return name if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else None
    return None
