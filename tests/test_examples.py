"""Every example runs to its end, prints, and leaves its picture where it says."""

import os
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.close("all")  # what the example before has left open
    monkeypatch.chdir(tmp_path)
    # Worker processes of a grid search take their warning filters from here.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) > 5
    for line in printed.splitlines():
        if line.startswith("training curves saved to "):
            assert Path(line.removeprefix("training curves saved to ")).stat().st_size > 10_000
    assert os.getcwd() == str(tmp_path)
