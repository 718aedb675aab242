"""Private. The inner loops: each a NumPy function, some with a compiled twin behind the same name.

`with_numpy` is the reference: it needs nothing but NumPy, and is complex-safe, so that the
complex step can prove backprop on it. `with_numba` holds twins that do the same in one pass over
memory; they are used where numba is installed (``pip install sknn_opt[fast]``). The environment
variable ``SKNN_OPT_KERNELS`` ("numpy" or "numba") overrides the choice, which is made once, when
the first network is built. Products of matrices are NumPy's BLAS in either case.
"""

import os
import warnings
from functools import cache
from importlib.util import find_spec

__all__: list[str] = []

VARIABLE = "SKNN_OPT_KERNELS"


@cache
def fastest(kernel, dtype):
    """The compiled twin of a kernel for arrays of a dtype, if there is one, else the kernel."""
    has_twin = dtype.char in "fd" and dtype.isnative
    return _twins().get(kernel, kernel) if has_twin else kernel


def in_use():
    """Which kernels train: "numpy" or "numba"."""
    return "numba" if _twins() else "numpy"


@cache
def _twins():
    """The compiled twins: kernel -> twin. None with NumPy's kernels."""
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if wanted not in ("", "numpy", "numba"):
        raise ValueError(
            f"The environment variable {VARIABLE} is {wanted!r}; set it to 'numpy' or 'numba', or "
            "unset it to use numba where it is installed."
        )
    if wanted == "numpy" or not (wanted or find_spec("numba")):
        return {}
    try:
        from sknn_opt.kernels import with_numba
    except Exception as error:  # a library that does not load, or that NumPy is too new for
        if wanted:
            raise ImportError(
                f"{VARIABLE}=numba needs numba, which cannot be imported ({error}): "
                "pip install 'sknn_opt[fast]'."
            ) from error
        warnings.warn(
            f"numba is installed but cannot be imported ({error}); the slower NumPy kernels are "
            f"used. Install a fitting numba, or set {VARIABLE}=numpy.",
            RuntimeWarning,
            stacklevel=2,
        )
        return {}
    return with_numba.TWINS
