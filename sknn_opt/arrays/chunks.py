"""Arrays that lie in a file: read part by part, and let go of what was read.

A page of a memory map that was read stays resident until the system needs the room, so that
reading a file once looks like having loaded it. Here the pages go back as soon as a part is done
with; they are in the file, and usually in the system's cache as well.
"""

import mmap

import numpy as np

PART = 2**25  # bytes read before their pages go back
SCATTERED = 16  # rows apart from each other, each of which may make 2 MiB resident


def memory_map(array):
    """The map behind an array if its pages may be dropped without loss, else None."""
    modes = set()
    while isinstance(array, np.ndarray):
        modes.add(getattr(array, "mode", None))
        array = array.base
    # Mode "c" keeps changes in memory only: those would be lost.
    is_shared = modes & {"r", "r+", "w+"} and "c" not in modes
    can_drop = is_shared and hasattr(array, "madvise") and hasattr(mmap, "MADV_DONTNEED")
    return array if can_drop else None


def release(array):
    """Let the pages of a memory-mapped array go; nothing happens to other arrays."""
    pages = memory_map(array)
    if pages is not None:
        pages.madvise(mmap.MADV_DONTNEED)


def rows_in_part(array, n_used=None):
    """How many rows of a memory-mapped array are read at a time; all of another array.

    With `n_used`, how many of that many rows, which are spread over the array.
    """
    n = array.shape[0]
    n_used = n if n_used is None else n_used
    if memory_map(array) is None or not n:
        return max(n_used, 1)
    # With what lies between its elements, which is read along with them.
    sizes = zip(array.shape, array.strides, strict=True)
    span = array.itemsize + sum((size - 1) * abs(stride) for size, stride in sizes)
    return max(1, PART * n_used // span)


def take(array, rows):
    """array[rows], for rows that may lie far apart."""
    if memory_map(array) is None or not len(rows):
        return array[rows]
    copied = []
    for start in range(0, len(rows), SCATTERED):
        copied.append(array[rows[start : start + SCATTERED]])
        release(array)
    return np.concatenate(copied)


def parts(array):
    """The rows of an array, part by part if it is memory-mapped, else all at once."""
    step = rows_in_part(array)
    for start in range(0, array.shape[0], step):
        yield array[start : start + step]
        if step < array.shape[0]:
            release(array)
