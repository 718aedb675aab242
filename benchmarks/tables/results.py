"""What was measured: one JSON object a line, so that a run that was broken off goes on."""

import json
from pathlib import Path

FILE = Path(__file__).parent / "results" / "results.jsonl"
KEY = ("table", "rows", "split", "model", "version")


class Results:
    """Key -> measures, which are kept in the file as they come."""

    def __init__(self, path=FILE):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
        rows = map(json.loads, lines)
        self._found = {tuple(row[key] for key in KEY): row["measures"] for row in rows}

    def get(self, *key):
        """The measures, or None."""
        return self._found.get(key)

    def add(self, *key, measures):
        """Keep measures."""
        self._found[key] = measures
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            row = dict(zip(KEY, key, strict=True)) | {"measures": measures}
            file.write(json.dumps(row) + "\n")
