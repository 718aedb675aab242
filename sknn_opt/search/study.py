"""What a search has found so far, in memory or in a file, so that a search can go on.

A search that goes on does the same as before, and asks the study first: what is known is not
computed again. So it ends with the same result as one that was never broken off.
"""

import os
from time import perf_counter

import joblib


class Study:
    """Key -> result of a trial; a key is a candidate, a split and a share of the training.

    Parameters
    ----------
    origin : dict of str to str
        What the results hold for: hashes of the data, the estimator and so on, by their names.
    seed : int
        Of the search's random numbers; that of the file, where there is one.
    path : str or path-like, default=None
        A file to which each result is appended as it comes, and from which those of before are
        read. The file is a sequence of pickles: read only files that you trust.
    """

    def __init__(self, origin, seed, path=None):
        self.origin, self.seed, self.path, self._file = origin, seed, path, None
        self._found, self._states, self._broken_at = {}, {}, None
        self._before, self._started = 0.0, perf_counter()
        if path is not None and os.path.exists(path) and os.path.getsize(path):
            self._read()

    def __getstate__(self):
        return vars(self) | {"_file": None, "_before": self.seconds, "_started": None}

    @property
    def seconds(self):
        """How long the search has taken, over all of its runs."""
        return self._before + (perf_counter() - self._started if self._started else 0.0)

    def __len__(self):
        return len(self._found)

    def __contains__(self, key):
        return key in self._found

    def __getitem__(self, key):
        return self._found[key]

    def state(self, key):
        """What a trial that paused goes on from; None if it is over, or no longer known."""
        share, state = self._states.get(key[:2], (None, None))
        return state if share == key[2] else None

    def forget_state(self, trial):
        """A candidate will not go on with this split: its state is dropped."""
        self._states.pop(trial, None)

    def add(self, key, result, state=None):
        """Keep a result, and when it came."""
        result["ended"] = self.seconds
        self._keep(key, result, state)
        if self.path is not None:
            if self._file is None:
                self._file = self._opened()
            joblib.dump((key, result, state, self.seconds), self._file)
            self._file.flush()

    def go_on(self, origin):
        """Start the clock again, for a search of the same origin.

        Raises
        ------
        ValueError
            If the results hold for something else.
        """
        if origin.keys() != self.origin.keys():
            raise ValueError(f"{self._where()} a search of another version of sknn_opt. {_ANEW}")
        others = [name for name, value in origin.items() if self.origin[name] != value]
        if others:
            raise ValueError(f"{self._where()} a search with another {others[0]}. {_ANEW}")
        self._started = perf_counter()

    def close(self):
        """Stop the clock, and close the file."""
        self._before, self._started = self.seconds, None
        if self._file:
            self._file.close()
            self._file = None

    def _keep(self, key, result, state):
        self._found[key] = result
        candidate, split, share = key
        self._states.pop((candidate, split), None)
        if state is not None:  # the latest of each candidate and split
            self._states[candidate, split] = share, state

    def _where(self):
        if self.path is None:
            return "warm_start=True cannot go on: the search before was"
        return f"checkpoint={os.fspath(self.path)!r} cannot be gone on with: it is of"

    def _opened(self):
        file = open(self.path, "ab")  # noqa: SIM115  it stays open for the next result
        if self._broken_at is not None:
            file.truncate(self._broken_at)  # not before the search is known to go on
            self._broken_at = None
        if os.path.getsize(self.path) == 0:
            joblib.dump((self.origin, self.seed), file)
        return file

    def _read(self):
        """Read the file, up to a last result that was written in part only."""
        with open(self.path, "rb") as file:
            try:
                self.origin, self.seed = joblib.load(file)
            except Exception as error:  # of a pickle that is none, or of another version
                raise ValueError(f"checkpoint={os.fspath(self.path)!r} is no search.") from error
            end = file.tell()
            try:
                while True:
                    key, result, state, self._before = joblib.load(file)
                    self._keep(key, result, state)
                    end = file.tell()
            except (ImportError, MemoryError):  # of a whole one: no reason to cut it off
                raise
            except Exception:  # what half a pickle raises depends on where it ends
                size = os.path.getsize(self.path)
                self._broken_at = end if end < size else None


_ANEW = "Give another file, or set warm_start=False, to search anew."
