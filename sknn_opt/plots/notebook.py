"""A training in a notebook: a figure that is drawn anew in its place."""

from io import BytesIO
from textwrap import wrap

from sknn_opt.plots.loss_curve import LossCurveDisplay
from sknn_opt.search.screens import SCREENS, NowAndThen, is_scored, signals_said, status, summary

SIZE, DPI, WIDTH = (7.0, 5.6), 90, 100


class Notebook(NowAndThen):
    """The curves, the learning rate and the interventions; the signals stand above."""

    def __init__(self):
        super().__init__()
        try:
            from IPython.display import Image, display
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "TrainingWatch(display='notebook') needs IPython and matplotlib; install them "
                "with: pip install ipython 'sknn_opt[plots]', or set display='lines'"
            ) from error
        self._figure, self._image, self._show, self._handle = Figure, Image, display, None

    def close(self, run):
        super().close(run)
        print(summary(run))

    def _draw(self, run, row):
        image = self._image(data=self._png(run, row))
        if self._handle is None:
            self._handle = self._show(image, display_id=True)
        else:
            self._handle.update(image)

    def _png(self, run, row):
        """The picture as it is now; no window of pyplot knows of it."""
        figure = self._figure(figsize=SIZE, layout="constrained")
        history = run.record.history
        name, best = "score" if is_scored(history) else None, run.state.best_epoch
        is_there = run.state.by_score and any(each["epoch"] == best for each in history)
        args = history, best if is_there else None, name, True
        display = LossCurveDisplay(*args).plot(figure.subplots())
        display.ax_.set_title("")
        display.ax_.set_title(_title(run, row), fontsize="small", loc="left")
        png = BytesIO()
        figure.savefig(png, format="png", dpi=DPI)
        return png.getvalue()


def _title(run, row):
    lines = [status(run, row, signals=False), *signals_said(run)]
    return "\n".join(line for whole in lines for line in wrap(whole, WIDTH))


SCREENS["notebook"] = Notebook
