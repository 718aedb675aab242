"""What the pictures share: colours, shapes and lines, and axes to draw on.

Whatever differs in colour differs in shape or in line as well, so that a picture can be read in
print, and by the colour-blind.
"""

# Okabe and Ito's colours, told apart by the colour-blind; shapes tell them apart in print.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = "osD^vP"  # as many as share no divisor with the colours: 42 looks
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
SURFACE = "cividis_r"  # light where the cost is low; its lightness falls evenly, as grey too


def axes_for(ax, who, **options):
    """`ax`, or the axes of a new figure if it is None, made with the options of `plt.subplots`.

    Raises
    ------
    ImportError
        If matplotlib is not installed; `who` says what needs it.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{who} needs matplotlib; install it with: pip install 'sknn_opt[plots]'"
        ) from error
    return plt.subplots(layout="constrained", **options)[1]


def dress(ax, *, grid="both", **texts):
    """Give axes the common looks: a light grid behind, two spines, and the texts of `ax.set`."""
    ax.set(**texts)
    ax.title.set_fontsize("medium")
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, axis=grid, color="0.9", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def legend(ax, **options):
    """A legend without a frame."""
    return ax.legend(**{"fontsize": "small", "frameon": False} | options)


def sparse_marks(n):
    """`markevery` for a curve of n points: about ten marks tell it apart in print."""
    return max(1, n // 10)
