"""What the pictures share: their colours, and axes to draw on."""

# Okabe and Ito's colours, told apart by the colour-blind; shapes tell them apart in print.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")


def axes_for(ax, who):
    """`ax`, or the axes of a new figure if it is None.

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
            f"{who} needs matplotlib; install it with: pip install matplotlib (it is also in the "
            "extra sknn_opt[plots])"
        ) from error
    return plt.subplots(layout="constrained")[1]
