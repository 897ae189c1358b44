"""Perceptual fingerprints: which pictures are the same picture, mirrored ones included."""

from collections.abc import Iterator

import numpy as np
from scipy.fft import dct
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LUMA_WAVES, CHROMA_WAVES = 10, 4
"""Lowest spatial frequencies kept a side; colour is seen more coarsely than light, as in JPEG."""

SIZE = 64
"""Side in pixels of the pictures that are compared."""

SAME = 0.98
"""Least cosine of two fingerprints that count as one picture; see docs/data.md for its choice."""

# ITU-R BT.601: luma and two colour differences.
YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], dtype=np.float32
)


def fingerprints(images: np.ndarray, chunk: int = 256) -> np.ndarray:
    """Describe each picture by its lowest cosine waves, brightness and contrast taken out.

    images: (n, size, size, 3) uint8. Returns (n, d) float32 of unit length, or all zero for a
    picture of one plain colour, which therefore resembles nothing.
    """
    parts = [_describe(images[i : i + chunk]) for i in range(0, len(images), chunk)]
    return np.concatenate(parts) if parts else np.zeros((0, len(_mirror_signs())), np.float32)


def similar_pairs(
    prints: np.ndarray, same: float = SAME, chunk: int = 2048
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield index pairs (i, j), i < j, of pictures alike as they are or mirrored.

    prints: (n, d) float32 from `fingerprints`. Works a block at a time, so memory stays at
    chunk² × 8 bytes whatever n is.
    """
    mirrored = prints * _mirror_signs()
    for i in range(0, len(prints), chunk):
        for j in range(i, len(prints), chunk):
            block = prints[j : j + chunk]
            alike = np.maximum(prints[i : i + chunk] @ block.T, mirrored[i : i + chunk] @ block.T)
            rows, columns = np.nonzero(alike >= same)
            rows, columns = rows + i, columns + j
            yield rows[rows < columns], columns[rows < columns]


def group(pairs: list[tuple[np.ndarray, np.ndarray]], n: int) -> np.ndarray:
    """Number the groups that pairs connect. Returns (n,) int32: a group for each picture."""
    rows = np.concatenate([p[0] for p in pairs] or [np.zeros(0, int)])
    columns = np.concatenate([p[1] for p in pairs] or [np.zeros(0, int)])
    links = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(n, n))
    return connected_components(links, directed=False)[1]


def _describe(images: np.ndarray) -> np.ndarray:
    # Only the lowest rows of the cosine transform are needed: two small products a picture.
    basis = dct(np.eye(images.shape[1], dtype=np.float32), axis=0, norm="ortho")[:LUMA_WAVES]
    colours = np.einsum("nyxc,vx->nyvc", images.astype(np.float32), basis, optimize=True)
    waves = np.einsum("nyvc,uy,dc->nduv", colours, basis, YCBCR, optimize=True)
    luma = waves[:, 0].reshape(len(images), -1)[:, 1:]
    chroma = waves[:, 1:, :CHROMA_WAVES, :CHROMA_WAVES].reshape(len(images), -1)
    prints = np.concatenate([luma, chroma], axis=1)
    length = np.linalg.norm(prints, axis=1, keepdims=True)
    contrast = np.linalg.norm(luma, axis=1, keepdims=True) / images.shape[1]
    return np.where(contrast > 2.0, prints / np.maximum(length, 1e-9), 0).astype(np.float32)


def _mirror_signs() -> np.ndarray:
    # Mirroring left to right turns the sign of every wave with an odd horizontal frequency.
    luma = np.tile((-1.0) ** np.arange(LUMA_WAVES), LUMA_WAVES)[1:]
    chroma = np.tile((-1.0) ** np.arange(CHROMA_WAVES), 2 * CHROMA_WAVES)
    return np.concatenate([luma, chroma]).astype(np.float32)
