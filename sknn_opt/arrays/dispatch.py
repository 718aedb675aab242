"""Arrays of other libraries, such as PyTorch's, under scikit-learn's array API dispatch.

Statistics are found by NumPy, in float64 and on the CPU; the table itself is scaled and clipped
where it is, by the functions of its own library.
"""

import numpy as np

from sknn_opt._sklearn import convert_to_numpy, float_dtype, namespace_and_device
from sknn_opt.arrays.extremes import HUGE
from sknn_opt.arrays.scaling import SAFE_IN_FLOAT32


def is_foreign(X):
    """Whether dispatch is on and X is an array of another library than NumPy."""
    return namespace_and_device(X)[0] is not None


def to_numpy(X):
    """X as an array of NumPy if it is foreign; else as it is."""
    xp, _ = namespace_and_device(X)
    return X if xp is None else convert_to_numpy(X, xp)


def like(X, value):
    """An array of NumPy in the library and on the device of X."""
    xp, device = namespace_and_device(X)
    dtype = float_dtype(xp, device) if value.dtype.kind == "f" else None
    return xp.asarray(value, dtype=dtype, device=device)


def refuse_other(X, fitted, method):
    """Raise ValueError if X is not of the library and on the device of a fitted attribute."""
    (xp, device), (its_xp, its_device) = namespace_and_device(X), namespace_and_device(fitted)
    if its_xp is None and not isinstance(fitted, np.ndarray):
        raise ValueError(
            f"fit got an array of {type(fitted).__module__.partition('.')[0]} under array API "
            f"dispatch, which is off: call {method}() under "
            "sklearn.config_context(array_api_dispatch=True), or fit anew."
        )
    if (xp, device) != (its_xp, its_device):
        here, there = (
            "NumPy" if found is None else f"{found.__name__} on {where}"
            for found, where in ((xp, device), (its_xp, its_device))
        )
        raise ValueError(
            f"X of {method}() must use the same namespace and the same device as X of fit(): it is "
            f"of {here}, and that of fit was of {there}; convert it, or fit anew."
        )


def has_extremes(X):
    """Tell whether a foreign array holds infinity or a number beyond HUGE."""
    xp, _ = namespace_and_device(X)
    limit = min(float(HUGE), float(xp.finfo(X.dtype).max))
    return bool(xp.any(xp.abs(X) > limit))


def forward(X, operands, clip):
    """(X - center) / scale, clipped; each of (center, scale) and clip may be None."""
    (xp, _), (center, scale) = namespace_and_device(X), operands
    if center is not None:
        X = X - xp.astype(center, X.dtype)
    if scale is not None:
        X = X / xp.astype(scale, X.dtype)
    if clip is None:
        return X
    z = xp.clip(X / clip, -SAFE_IN_FLOAT32, SAFE_IN_FLOAT32)
    return _inside(xp, clip * (z / xp.sqrt(1 + z * z)), clip)


def inverse(X, operands, clip):
    """The inverse of `forward`."""
    (xp, _), (center, scale) = namespace_and_device(X), operands
    if clip is not None:
        y = _inside(xp, X, clip) / clip
        X = clip * (y / xp.sqrt((1 - xp.abs(y)) * (1 + xp.abs(y))))
    if scale is not None:
        X = X * xp.astype(scale, X.dtype)
    return X if center is None else X + xp.astype(center, X.dtype)


def as_floats(X):
    """A foreign array as one of floats, of 32 bits at least."""
    xp, device = namespace_and_device(X)
    if not xp.isdtype(X.dtype, "real floating"):
        return xp.astype(X, float_dtype(xp, device))
    return X if xp.finfo(X.dtype).bits >= 32 else xp.astype(X, xp.float32)


def _inside(xp, X, bound):
    """X brought inside (-bound, bound)."""
    dtype = np.float32 if xp.finfo(X.dtype).bits == 32 else np.float64
    inner = float(np.nextafter(dtype(bound), dtype(0)))
    return xp.clip(X, -inner, inner)
