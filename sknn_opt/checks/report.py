"""What all reports share: the verdict in capitals first, then the worst rows, then where all are.

A report has rows, each with a `verdict` and whether it `passed`. It begins with sentences: the
first states the verdict in capitals, the others explain it and say what to do. What fits into 20
lines of 80 columns is chosen in `sknn_opt.checks.layout`, for a terminal and for a notebook alike.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, ClassVar

from sknn_opt.checks.layout import (
    WIDTH,
    Column,
    Page,
    as_html,
    as_text,
    explanation,
    full_sheet,
    short_sheet,
)
from sknn_opt.checks.texts import told_apart, width

if TYPE_CHECKING:
    from pandas import DataFrame


class Report:
    """What a check found. Prints as a table; a notebook shows it as HTML.

    A subclass says in `_COLUMNS` what its columns are, in `_VERDICTS` what each verdict means, from
    the mildest to the gravest, and gives its rows and tables.
    """

    _COLUMNS: ClassVar[tuple[Column, ...]] = ()
    _VERDICTS: ClassVar[dict[str, str]] = {}
    _REMARKS: ClassVar[tuple[str, ...]] = ()  # what else to know when reading it
    _LONGEST: ClassVar[int] = 24  # columns of a name in what is printed
    _INDEX: ClassVar[str | None] = None  # of the data frame, by name
    notes: tuple[str, ...] = ()

    def _rows(self):
        """What was judged, an object each with `verdict` and `passed`."""
        raise NotImplementedError

    def _tables(self):
        """A `Table` for each point, or one of all."""
        raise NotImplementedError

    def _cells(self, row):
        """The texts of a row, one for each column."""
        return row.cells()

    def _names(self):
        """The names that may be printed, which are shortened where they are long."""
        return ()

    def _verdict_lines(self):
        """The verdict in a line, then those that explain it."""
        raise NotImplementedError

    def _records(self):
        """A dict for each row of the data frame."""
        return [record(row) for row in self._rows()]

    @property
    def verdict(self) -> str:
        """The gravest verdict of a row."""
        order = [*self._VERDICTS]
        return max((row.verdict for row in self._rows()), key=order.index, default=order[0])

    @property
    def passed(self) -> bool:
        """Whether all rows passed."""
        return all(row.passed for row in self._rows())

    def raise_if_failed(self) -> None:
        """Raise AssertionError, with the report as its message, unless the check passed."""
        if not self.passed:
            raise AssertionError(str(self))

    def full(self) -> str:
        """All rows and columns, in their own order, however long and wide.

        Returns
        -------
        text : str
            To be printed; a notebook shows it as HTML.

        Examples
        --------
        >>> import numpy as np
        >>> from sknn_opt import check_gradients
        >>> start = {f"w{i:02d}": np.ones(3) for i in range(60)}
        >>> report = check_gradients(lambda p: sum(w @ w for w in p.values()), lambda p: p, start)
        >>> "w30" in str(report), "w30" in report.full()
        (False, True)
        """
        notes = (f"note: {note}" for note in self.notes)
        sheet = full_sheet(self._verdict_lines(), notes, self._tables(), self._COLUMNS, self._cells)
        return Page(as_text(sheet), as_html(sheet))

    def explain(self) -> str:
        """What the columns and the verdicts mean, and the limits that decide them.

        Returns
        -------
        text : str
            To be printed; a notebook shows it as HTML.

        Examples
        --------
        >>> from sknn_opt import check_gradients
        >>> report = check_gradients(lambda x: x @ x, lambda x: 2 * x, [1.0, 2.0])
        >>> report.explain()  # doctest: +ELLIPSIS
        The columns
        -----------
        block       Which parameters. all is the whole gradient; L2 the penalty alone.
        size        How many parameters.
        verdict     OK, KINK, INCONCLUSIVE or WRONG: see below.
        ...
        """
        return Page(*explanation(self._COLUMNS, self._VERDICTS, self._REMARKS))

    def to_frame(self) -> DataFrame:
        """The rows as a pandas DataFrame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            message = "to_frame needs pandas; install it with: pip install pandas"
            raise ImportError(message) from error
        frame = DataFrame(self._records())
        return frame.set_index(self._INDEX) if self._INDEX else frame

    def _short(self):
        """What a terminal and a notebook show."""
        short, head = self._short_names(), self._verdict_lines()

        def cells_of(row):
            return [short.get(text, text) for text in self._cells(row)]

        notes = [f"note: {note}" for note in self.notes]
        head, notes = ([self._renamed(line, short) for line in x] for x in (head, notes))
        return short_sheet(head, notes, self._tables(), self._COLUMNS, cells_of)

    def _short_names(self):
        """What stands for each name, the longest first."""
        names = sorted(dict.fromkeys(self._names()), key=len, reverse=True)
        return dict(zip(names, told_apart(names, self._LONGEST), strict=True))

    def _renamed(self, sentence, names):
        """A sentence with its long names shortened."""
        for name, short in names.items():
            if width(name) > self._LONGEST:
                sentence = sentence.replace(name, short)
        return sentence

    def __repr__(self):
        first = self._renamed(next(iter(self._verdict_lines())), self._short_names())
        return f"<{type(self).__name__}: {first}; print it to see the table>"

    def __str__(self):
        return as_text(self._short(), WIDTH)

    def _repr_html_(self):
        return as_html(self._short())


def record(row):
    """The fields of a row that its text shows."""
    return {f.name: getattr(row, f.name) for f in fields(row) if f.repr and f.name != "passed"}
