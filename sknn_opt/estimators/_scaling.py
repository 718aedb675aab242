"""Elementwise maps of a whole table, block by block: scaling, smooth clipping and their inverses.

Each value is read from memory once and written once, however many steps there are, and no array of
the table's size is made beside the result.
"""

import numpy as np

from sknn_opt.estimators._moments import BLOCK_SIZE

# float32 arithmetic is used only with numbers this far from its limits, so that neither z / c,
# squared, nor any other intermediate result can overflow or vanish; otherwise float64 is.
SAFE_IN_FLOAT32 = 2.0**60

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
    that broadcasts against X.
    """
    dtype = out.dtype if _is_safe(steps, out.dtype) else np.dtype(np.float64)
    steps = [part for step in steps for part in _rounded(*step, dtype)]
    with np.errstate(over="ignore", invalid="ignore"):
        for source, target, operands in _long_rows(X, out, [operand for _, operand in steps]):
            for block in _blocks(source.shape):
                x, goal = source[block], target[block]
                work = goal if dtype == out.dtype else np.empty_like(goal, dtype=dtype)
                if not steps:
                    np.copyto(work, x, casting="same_kind")
                for (operation, _), operand in zip(steps, operands, strict=True):
                    operation(x, operand[block] if operand.ndim else operand, out=work)
                    x = work
                if work is not goal:
                    np.copyto(goal, work, casting="same_kind")


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


def _long_rows(X, out, operands):
    """Yield (X, out, operands) as views, or parts, whose rows are long and contiguous in memory."""
    n_samples, n_features = X.shape
    if out.flags.f_contiguous and n_samples > 1:
        yield X.T, out.T, _spread([np.atleast_2d(o).T if o.ndim else o for o in operands], X.T)
        return
    group = max(1, LONG_ROW // max(1, n_features))
    head = n_samples - n_samples % group
    if group == 1 or head == 0 or not (X.flags.c_contiguous and out.flags.c_contiguous):
        yield X, out, _spread(operands, X)
        return
    wide = X[:head].reshape(-1, group * n_features)
    tiled = [np.tile(o, group) if o.ndim else o for o in operands]
    yield wide, out[:head].reshape(wide.shape), _spread(tiled, wide)
    if head < n_samples:
        yield X[head:], out[head:], _spread(operands, X[head:])


def _spread(operands, like):
    """Broadcast the operands, without copying, so that a block of each can be cut out."""
    return [np.broadcast_to(o, like.shape) if o.ndim else o for o in operands]


def _blocks(shape):
    """Yield the (rows, columns) slices of blocks of about BLOCK_SIZE numbers in C order."""
    n_columns = min(shape[1], BLOCK_SIZE)
    n_rows = max(1, BLOCK_SIZE // max(1, n_columns))
    for row in range(0, shape[0], n_rows):
        for column in range(0, shape[1], max(1, n_columns)):
            yield slice(row, row + n_rows), slice(column, column + n_columns)
