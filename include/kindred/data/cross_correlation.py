"""The nearest image under shifts and mirroring: normalised cross-correlation of small grey images.

Candidates have alike amplitude spectra, which a shift or a mirroring hardly changes. A candidate's distance is 1 minus
the normalised cross-correlation of the query's inner part with the best place in the other image: exact under shifts,
and blind to brightness and contrast (J. Lewis, Fast Normalized Cross-Correlation, 1995).
"""

from collections.abc import Iterator

import numpy as np
from scipy import fft  # in float32 four times as fast as NumPy's

from kindred.data.grey_images import SIDE

MAX_SHIFT = 4  # px of SIDE that a shift may come to: an eighth of the image
SHIFTS = 2 * MAX_SHIFT + 1  # places of the inner part along each axis
INNER = SIDE - 2 * MAX_SHIFT
LOW_CYCLES, HIGH_CYCLES = 0.5, 6  # per image, between which details count: no slow shading, no noise of an encoder
SPECTRUM_CYCLES = 10  # per image, up to which candidates' spectra are compared
CANDIDATES = 8  # by spectrum, that are correlated with each query
MAX_SUBPIXEL_GAIN = 0.9  # share of a distance that may be put down to a shift by a fraction of a pixel; 0: none
BLOCK = 4096  # images that are transformed at once: 36 MB of coefficients


def match(queries: np.ndarray, gallery: np.ndarray, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """For each query, uint8 [q, SIDE, SIDE], the row of the nearest image of the gallery [n, SIDE, SIDE], and its
    distance [q], 0 to 2; mirrored or not.
    """
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(_spectra(gallery[:1]).shape[1])
    transforms, lengths = [], []
    for block in _blocks(gallery):
        index.add(_spectra(block))
        details = _details(block)
        transforms.append(fft.rfft2(details))
        lengths.append(_window_lengths(details))
    transform, length = np.concatenate(transforms), np.concatenate(lengths)
    rows, distances = [], []
    for block in _blocks(queries):
        best, nearest = np.full(len(block), -1.0), np.zeros(len(block), int)
        for picture in (block, block[:, :, ::-1]):
            _, candidates = index.search(_spectra(picture), min(CANDIDATES, len(gallery)))
            inner = _inner(picture)
            for candidate in candidates.T:
                correlation = _peak(_at_shifts(inner * transform[candidate]) / length[candidate])
                nearest = np.where(correlation > best, candidate, nearest)
                best = np.maximum(correlation, best)
        rows.append(nearest)
        distances.append(1 - best)
    return np.concatenate(rows), np.maximum(np.concatenate(distances), 0)


def _blocks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), BLOCK):
        yield pixels[start : start + BLOCK].astype(np.float32)


def _radius() -> np.ndarray:
    """Cycles an image of each coefficient of `rfft2`, [SIDE, SIDE // 2 + 1]."""
    return np.hypot(np.fft.fftfreq(SIDE)[:, None] * SIDE, np.fft.rfftfreq(SIDE)[None, :] * SIDE)


def _details(pixels: np.ndarray) -> np.ndarray:
    """The images' details between LOW_CYCLES and HIGH_CYCLES, float32 [n, SIDE, SIDE]."""
    weight = np.exp(-((_radius() / HIGH_CYCLES) ** 2)) * (1 - np.exp(-((_radius() / LOW_CYCLES) ** 2)))
    details: np.ndarray = fft.irfft2(fft.rfft2(pixels) * weight.astype(np.float32), s=(SIDE, SIDE))
    return details


def _spectra(pixels: np.ndarray) -> np.ndarray:
    """Unit vectors [n, d] of the low amplitudes, the same for an image and its mirror image."""
    window = np.sqrt(np.outer(*[np.hanning(SIDE + 2)[1:-1]] * 2)).astype(np.float32)
    amplitudes = np.abs(fft.rfft2((pixels - pixels.mean(axis=(1, 2), keepdims=True)) * window))
    both = np.sqrt(amplitudes + amplitudes[:, -np.arange(SIDE)])
    vectors = both[:, (_radius() < SPECTRUM_CYCLES) & (_radius() > 0)]
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def _at_shifts(products: np.ndarray) -> np.ndarray:
    """The correlations [n, SHIFTS, SHIFTS] whose transforms are `products` [n, SIDE, SIDE // 2 + 1]: `irfft2` would
    give SIDE places along each axis, at twice the cost.
    """
    waves = np.exp(2j * np.pi / SIDE * np.outer(np.arange(SHIFTS), np.arange(SIDE))).astype(np.complex64) / SIDE
    half = SIDE // 2 + 1
    across = (waves[:, :half] * np.where(np.arange(half) % (half - 1), 2, 1)).T.astype(np.complex64)
    down = np.matmul(waves, products).reshape(-1, half)
    correlations: np.ndarray = down.real @ across.real - down.imag @ across.imag
    return correlations.reshape(-1, SHIFTS, SHIFTS)


def _peak(values: np.ndarray) -> np.ndarray:
    """The height of each surface's peak [n], values [n, k, k]. A shift by a fraction of a pixel puts the peak between
    the points of the grid: a parabola along each axis estimates its height.
    """
    n, k, _ = values.shape
    rows, top = np.arange(n), values.reshape(n, -1).argmax(axis=1)
    at = (top // k, top % k)
    height = values[rows, *at]
    estimate = height.copy()
    for axis, place in enumerate(at):
        middle = np.clip(place, 1, k - 2)
        before, after = (
            values[rows, *((middle + step, at[1]) if axis == 0 else (at[0], middle + step))] for step in (-1, 1)
        )
        gain = (before - after) ** 2 / np.maximum(8 * (2 * height - before - after), 1e-6)
        estimate += np.where(middle == place, gain, 0)
    return np.minimum(estimate, height + MAX_SUBPIXEL_GAIN * (1 - height))


def _inner(pixels: np.ndarray) -> np.ndarray:
    """The queries' inner parts of mean 0 and length 1, transformed: their product with an image correlates the two."""
    part = _details(pixels)[:, MAX_SHIFT : MAX_SHIFT + INNER, MAX_SHIFT : MAX_SHIFT + INNER]
    part = part - part.mean(axis=(1, 2), keepdims=True)
    part /= np.maximum(np.linalg.norm(part, axis=(1, 2), keepdims=True), 1e-3)
    transform: np.ndarray = np.conj(fft.rfft2(part, s=(SIDE, SIDE)))
    return transform


def _window_lengths(details: np.ndarray) -> np.ndarray:
    """The length, about its mean, of each image's part of the size INNER at each shift, [n, shifts, shifts]."""
    sums, squares = (_sums(values.astype(np.float64)) for values in (details, details**2))
    return np.sqrt(np.maximum(squares - sums**2 / INNER**2, 1e-6)).astype(np.float32)


def _sums(values: np.ndarray) -> np.ndarray:
    total = np.pad(values.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    return total[:, INNER:, INNER:] - total[:, :-INNER, INNER:] - total[:, INNER:, :-INNER] + total[:, :-INNER, :-INNER]
