"""What a file is, by its first bytes: the name of a kind that is no image, or of one that is not read."""

import codecs
import re

HEAD_BYTES = 1024  # in which text may begin
CONTROLS = frozenset(range(32)) - set(b"\t\n\f\r")  # that no text holds

# Offset, first bytes, name. Camera raws that are TIFFs inside are in `tiff_kinds`.
SIGNATURES = (
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"MM\x00+", "BigTIFF with its bytes in big-endian order"),
    (0, b"%PDF-", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
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
    (0, b"P7\n", "PAM"),
    (0, b"PF\n", "PFM"),
    (0, b"Pf\n", "PFM"),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"FUJIFILMCCD-RAW", "camera raw (RAF)"),
    (0, b"FOVb", "camera raw (X3F)"),
    (0, b"IIRO", "camera raw (ORF)"),
    (0, b"IIRS", "camera raw (ORF)"),
    (0, b"MMOR", "camera raw (ORF)"),
    (0, b"IIU\x00", "camera raw (RW2)"),
    (8, b"CR\x02", "camera raw (CR2)"),
    (8, b"IIII", "camera raw (IIQ)"),
    (0, b"\x00MRM", "camera raw (MRW)"),
    (4, b"ftypcrx ", "camera raw (CR3)"),
    (4, b"moov", "QuickTime video"),
    (4, b"mdat", "QuickTime video"),
    (4, b"wide", "QuickTime video"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (8, b"AVI ", "AVI video"),
    (0, b"\x00\x00\x01\xba", "MPEG video"),
    (0, b"\x00\x00\x01\xb3", "MPEG video"),
    (0, b"FLV\x01", "Flash video"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media video"),
    (0, b"OggS", "Ogg audio or video"),
    (8, b"WAVE", "WAV audio"),
    (0, b"ID3", "MP3 audio"),
    (0, b"PK\x03\x04", "zip archive"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"BZh", "bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "zstd archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (0, b"Rar!", "rar archive"),
    (257, b"ustar", "tar archive"),
    (0, b"PAR1", "Parquet"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"\x93NUMPY", "NumPy array"),
    (0, b"SQLite format 3", "SQLite database"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (0, b"\xd0\xcf\x11\xe0", "Office document or Thumbs.db"),
    (0, b"\x00\x05\x16\x07", "AppleDouble (what a Mac notes about a file)"),
    (0, b"\x7fELF", "program"),
    (0, b"version https://git-lfs.github.com/spec/", "Git LFS pointer (run git lfs pull)"),
)
TEXTS = (
    (rb"<svg[\s>]", "SVG"),
    (rb"<!doctype html|<html[\s>]|\A\s*<head[\s>]", "web page (HTML)"),
    (rb"\A\s*<(\?xml|error>)", "XML"),
)
IMAGE_BRANDS = (b"avif", b"avis", b"hei", b"hev", b"mif1", b"msf1")  # of HEIC and AVIF; other brands are videos
READ = (  # of formats that are read
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    *((0, b"P%d" % number, "PPM") for number in range(1, 7)),
    (4, b"ftyp", "HEIC or AVIF"),
)
READ_AT_START = tuple(signature for offset, signature, _ in READ if offset == 0)


def unreadable(content: bytes) -> str | None:
    """The name of the kind of a file that is known and not read, or None.

    >>> unreadable(b"%PDF-1.4"), unreadable(b"BM")
    ('PDF', None)
    """
    if content.startswith(READ_AT_START):  # the bytes further on may be anything
        return None
    for offset, signature, name in SIGNATURES:
        if content.startswith(signature, offset):
            return name
    if content.startswith(b"ftyp", 4) and not content.startswith(IMAGE_BRANDS, 8):
        return "MP4 or QuickTime video"
    head = content[:HEAD_BYTES]
    for pattern, name in TEXTS:
        if re.search(pattern, head, re.IGNORECASE):
            return name if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else None
    return None


def unknown(content: bytes) -> str:
    """Why a file that no decoder opens, and that is none of those above, is no image.

    >>> unknown(b"hello"), unknown(b"GIF89a")
    ('no image of a known format (text)', 'GIF that is cut short, broken, or of a kind that is not read')
    """
    for offset, signature, name in READ:
        if content.startswith(signature, offset):
            return f"{name} that is cut short, broken, or of a kind that is not read"
    if not content.strip(b"\0"):
        return "no image of a known format (nothing but zeros)"
    return "no image of a known format (text)" if _is_text(content[:HEAD_BYTES]) else "no image of a known format"


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # which may be cut within a character
    except UnicodeDecodeError:
        return False
    return not CONTROLS & set(head)
