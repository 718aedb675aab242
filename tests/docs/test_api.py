"""What is public is visible: docs/api.rst names it, and everything else says that it is private."""

import ast
import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

import sknn_opt
import sknn_opt.optim
import sknn_opt.records
import sknn_opt.search

PUBLIC = (sknn_opt, sknn_opt.optim, sknn_opt.records, sknn_opt.search)
ROOT = Path(sknn_opt.__file__).parent
PUBLIC_FOLDERS = ROOT, ROOT / "optim", ROOT / "search"
PAGE = Path(__file__).parents[2] / "docs" / "api.rst"


def named_on_the_page():
    """The objects that docs/api.rst names, in order."""
    module, found = None, []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = importlib.import_module(line.split()[-1])
        elif match := re.fullmatch(r"(?:   |\.\. data:: )([\w.]+)", line):
            obj = module
            for name in match[1].split("."):
                obj = getattr(obj, name)
            found.append((match[1], obj))
    return found


def public_objects():
    """Name -> object, the public names of all modules; one that is in two modules counts once."""
    return {name: getattr(module, name) for module in PUBLIC for name in module.__all__}


def test_the_page_names_each_public_object_once_and_nothing_else():
    on_page = Counter(id(obj) for _, obj in named_on_the_page())
    public = {id(obj): name for name, obj in public_objects().items()}
    assert [name for key, name in public.items() if on_page[key] != 1] == []
    assert [name for name, obj in named_on_the_page() if id(obj) not in public] == []


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_all_names_what_a_public_module_has(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(module.__all__) == imported


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(ROOT.rglob("__init__.py")) if p.parent not in PUBLIC_FOLDERS],
    ids=lambda path: path.parent.name,
)
def test_other_folders_are_marked_private(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree).startswith("Private. ")
    marks = [node.value for node in tree.body if isinstance(node, ast.AnnAssign)]
    assert [ast.literal_eval(value) for value in marks] == [[]]
