"""Elementwise maps of a whole table, block by block: scaling, smooth clipping and their inverses.

Each value is read from memory once and written once, however many steps there are, and no array of
the table's size is made beside the result.
"""

import numpy as np

from sknn_opt.arrays.extremes import HUGE, LARGEST, has_extremes
from sknn_opt.kernels import fastest
from sknn_opt.kernels.with_numpy import standardize

# A block of so many numbers stays in the L2 cache from its first use to its last.
BLOCK_SIZE = 2**17

# float32 arithmetic is used only with numbers this far from its limits, so that neither z / c,
# squared, nor any other intermediate result can overflow or vanish; otherwise float64 is.
SAFE_IN_FLOAT32 = 2.0**60

SMALL = 2**14  # numbers

# Narrow tables are viewed as fewer, longer rows of about this length: NumPy starts an inner loop
# for each row, which costs as much as the work on a dozen numbers.
LONG_ROW = 1024


def _squash(z, bound, out, inner):
    """Write z / sqrt(1 + (z / bound)²), at most ``inner`` in size, to out."""
    # Beyond 2**60 bounds the result is the bound to every digit, and squares would overflow.
    far = min(float(bound) * SAFE_IN_FLOAT32, float(np.finfo(out.dtype).max))
    np.clip(z, -far, far, out=out)
    root = out / bound
    root *= root
    root += 1
    out /= np.sqrt(root, out=root)
    np.clip(out, -inner, inner, out=out)


def _unsquash(y, bound, out, inner):
    """Write y / sqrt(1 - (y / bound)²) to out, reading sizes beyond ``inner`` as ``inner``."""
    np.clip(y, -inner, inner, out=out)
    # 1 - q² as (1 - |q|)(1 + |q|): bound - |y| is exact where |y| is close to the bound.
    size = np.abs(out)
    root = bound - size
    root /= bound
    size /= bound
    size += 1
    root *= size
    out /= np.sqrt(root, out=root)


def forward_steps(mean, scale, clip, dtype):
    """Return the (operation, operand) pairs of `transform`; see `apply_steps`."""
    steps = []
    if mean is not None:
        steps.append((np.subtract, mean))
    if scale is not None:
        steps.append((np.divide, scale))
    if clip is not None:
        steps.append(_clip_step(_squash, clip, dtype))
    return steps


def inverse_steps(mean, scale, clip, dtype):
    """Return the (operation, operand) pairs of `inverse_transform`; see `apply_steps`."""
    steps = []
    if clip is not None:
        steps.append(_clip_step(_unsquash, clip, dtype))
    if scale is not None:
        steps.append((np.multiply, scale))
    if mean is not None:
        steps.append((np.add, mean))
    return steps


def _clip_step(function, clip, dtype):
    """Return the function, told the largest number of the output's dtype inside the bound."""
    bound = dtype(min(float(clip), float(np.finfo(dtype).max)))
    inner = float(np.nextafter(bound, dtype(0)))

    def operation(x, bound, out):
        function(x, bound, out, inner)

    return operation, np.float64(clip)


def apply_steps(steps, X, out):
    """Apply elementwise steps to X, block by block, each block's result going to out.

    A step is an operation called as a ufunc, ``operation(x, operand, out=...)``, and an operand
    that broadcasts against X. Returns False, X being as it was even where it is out, if X holds
    infinity or a number beyond HUGE; True if it is done.
    """
    dtype = out.dtype if _is_safe(steps, out.dtype) else np.dtype(np.float64)
    parts = [part for step in steps for part in _rounded(*step, dtype)]
    # A small table is not worth the time that compiling takes, once on a machine.
    steps = _fused(parts, dtype) if X.size > SMALL else [(op, [operand]) for op, operand in parts]
    tables = list(_long_rows(X, out, [operand for _, own in steps for operand in own]))
    in_place = np.may_share_memory(X, out)
    with np.errstate(over="ignore", invalid="ignore"):
        if in_place:  # nothing may be overwritten before all has been seen
            for source, _, _ in tables:
                if any(_beyond_limits(source[block]) for block in _blocks(source.shape)):
                    return False
        for source, target, operands in tables:
            for block in _blocks(source.shape):
                # Looking costs little now that the block has to be read anyway.
                if not in_place and _beyond_limits(source[block]):
                    return False
                parts = (_part(operand, block) for operand in operands)
                own = [(operation, [next(parts) for _ in its]) for operation, its in steps]
                _apply(own, source[block], target[block], dtype)
    return True


def _apply(steps, x, out, dtype):
    """Apply steps to one block, computing in a dtype."""
    work = out if dtype == out.dtype else np.empty_like(out, dtype=dtype)
    if not steps:
        np.copyto(work, x, casting="same_kind")
    for operation, operands in steps:
        operation(x, *operands, out=work)
        x = work
    if work is not out:
        np.copyto(out, work, casting="same_kind")


def _beyond_limits(x):
    """Tell whether a block holds infinity or a number beyond HUGE."""
    # A sum of squares is small only if all numbers are, and BLAS is the fastest at it.
    return x.dtype.kind == "f" and not np.vdot(x, x) < LARGEST and has_extremes(x, HUGE)


def _is_safe(steps, dtype):
    """Tell whether the steps can be computed in this dtype."""
    if dtype == np.float64:
        return True
    sizes = [(operation, np.abs(operand)) for operation, operand in steps]
    return not any(
        (size > SAFE_IN_FLOAT32).any()
        # A small mean may vanish beside such scales; a divisor or a bound may not.
        or (operation not in (np.add, np.subtract) and (size < 1 / SAFE_IN_FLOAT32).any())
        for operation, size in sizes
    )


def _rounded(operation, operand, dtype):
    """Return the step with its operand in the dtype; a mean in two parts, so it keeps its digits.

    A float32 mean of 1e8 would be off by up to 4: for all rows alike, unlike rounding of the data.
    """
    head = operand.astype(dtype)
    parts = [(operation, head)]
    if operation in (np.add, np.subtract) and head.dtype != operand.dtype:
        tail = (operand - head).astype(dtype)
        if tail.any():
            # What is small comes last when the values become small, else first.
            parts.insert(len(parts) if operation is np.subtract else 0, (operation, tail))
    return parts


def _fused(steps, dtype):
    """Return (operation, operands) pairs: subtraction and division are one where compiled."""
    fused = [(operation, [operand]) for operation, operand in steps]
    names = [operation for operation, _ in steps]
    kernel = fastest(standardize, dtype)
    if kernel is not standardize and np.divide in names[1:3]:
        n = 1 + names.index(np.divide)
        mean, *rest, scale = [operand for _, operand in steps[:n]]
        fused[:n] = [(kernel, [mean, scale, *rest])]
    return fused


def _long_rows(X, out, operands):
    """Yield (X, out, operands) as views, or parts, whose rows are long and contiguous in memory.

    Operands of the features become matrices of one row or, where a feature is a row, one column.
    """
    n_samples, n_features = X.shape
    operands = [np.atleast_2d(o) if o.ndim else o for o in operands]
    if out.flags.f_contiguous and n_samples > 1:
        yield X.T, out.T, [o.T for o in operands]
        return
    group = max(1, LONG_ROW // max(1, n_features))
    head = n_samples - n_samples % group
    if group == 1 or head == 0 or not (X.flags.c_contiguous and out.flags.c_contiguous):
        yield X, out, operands
        return
    wide = X[:head].reshape(-1, group * n_features)
    tiled = [np.tile(o, group) if o.ndim else o for o in operands]
    yield wide, out[:head].reshape(wide.shape), tiled
    if head < n_samples:
        yield X[head:], out[head:], operands


def _part(operand, block):
    """Return what of an operand, a row or a column, belongs to a block."""
    if operand.size == 1:
        return operand
    rows, columns = block
    return operand[rows] if len(operand) > 1 else operand[:, columns]


def _blocks(shape):
    """Yield the (rows, columns) slices of blocks of about BLOCK_SIZE numbers in C order."""
    n_columns = min(shape[1], BLOCK_SIZE)
    n_rows = max(1, BLOCK_SIZE // max(1, n_columns))
    for row in range(0, shape[0], n_rows):
        for column in range(0, shape[1], max(1, n_columns)):
            yield slice(row, row + n_rows), slice(column, column + n_columns)
