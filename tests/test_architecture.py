"""The floors: a file imports only from its own floor or from floors below; files stay small.

The rules read the source with `ast`. Each is also tried on a planted violation: a rule that cannot
fail proves nothing.
"""

import ast
import sys
from pathlib import Path

import pytest

import sknn_opt

PACKAGE = "sknn_opt"
ROOT = Path(sknn_opt.__file__).parent
FLOORS = (
    "_sklearn",
    "kernels",
    "arrays",
    "nn",
    "optim",
    "training",
    "estimators",
    "tables",
    "checks",
    "search",
    "plots",
)
FILES = sorted(ROOT.rglob("*.py"))
ALLOWED = {"numpy", "scipy", "sklearn", PACKAGE}
ALLOWED |= {"joblib", "threadpoolctl"}  # requirements of scikit-learn
OPTIONAL = {f"{PACKAGE}.kernels.with_numba": {"numba"}}  # itself imported inside a function
MAX_FILE, MAX_FUNCTION, MAX_FAN_OUT = 400, 41, 8
HUBS = {PACKAGE: 22, f"{PACKAGE}.records": 10, f"{PACKAGE}.estimators.base": 20}
# Methods of named tuples, which Python's own documentation names.
PUBLIC_ALL_THE_SAME = {"_asdict", "_replace"}


def module_name(path):
    """sknn_opt/nn/layers.py is sknn_opt.nn.layers; a package is named by its folder."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree, name, *, is_package):
    """(line, module, whether inside a function or for types alone) of each import."""
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(function, ast.If) and ast.unparse(function.test) == "TYPE_CHECKING")
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            # "from sknn_opt import nn" imports a floor, not the top of the package.
            if base == PACKAGE:
                modules = [f"{base}.{alias.name}" for alias in node.names]
            else:
                modules = [base]
        else:
            continue
        yield from ((node.lineno, module, id(node) in inside) for module in modules)


def floor_of(module):
    """The number of a module's floor; the package itself stands above all."""
    parts = module.split(".")
    if len(parts) == 1:
        return len(FLOORS)
    return FLOORS.index(parts[1]) if parts[1] in FLOORS else len(FLOORS)


def import_violations(source, name, *, is_package=False):
    """What is wrong with the imports of one module."""
    own = floor_of(name)
    folder = FLOORS[own] if own < len(FLOORS) else PACKAGE
    found = []
    for line, module, inside in imports(ast.parse(source), name, is_package=is_package):
        top = module.split(".")[0]
        if top == PACKAGE and floor_of(module) > own:
            found.append(f"{line}: {folder} imports {module}, a floor above")
        if folder == "optim" and module.startswith(f"{PACKAGE}.nn"):
            found.append(f"{line}: optim knows nothing of layers")
        if folder in ("kernels", "nn", "optim") and (
            top == "sklearn" or module == f"{PACKAGE}._sklearn"
        ):
            found.append(f"{line}: {folder} knows nothing of scikit-learn")
        if folder == "training" and top == "sklearn" and module != "sklearn.utils":
            found.append(f"{line}: training may import sklearn.utils only, not {module}")
        optional = top not in ALLOWED | OPTIONAL.get(name, set())
        if optional and top not in sys.stdlib_module_names and not inside:
            found.append(f"{line}: {module} is no requirement: import it inside the function")
        if top == "sklearn" and "._" in module and folder != "_sklearn":
            found.append(f"{line}: private names of scikit-learn belong into _sklearn.py")
    return found


def private_imports(source, name):
    """Private names imported from another folder."""
    folder = name.rpartition(".")[0]
    return [
        f"{node.lineno}: {node.module} keeps {alias.name} to itself"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE)
        for alias in node.names
        if alias.name.startswith("_")
        and alias.name != "_sklearn"
        and node.module.rpartition(".")[0] != folder
    ]


def names_in(source):
    """(defined, read): private names that a file gives to something, and those that it reads.

    Names in strings count where `getattr` and the like read them.
    """
    defined, read = set(), {}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                defined.add(name)
            case ast.Attribute(attr=name):
                read[name] = node.lineno
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr"), args=[_, ast.Constant(name), *_]
            ):
                read[name] = node.lineno
    private = {
        name: line
        for name, line in read.items()
        if name.startswith("_") and not name.startswith("__") and name not in PUBLIC_ALL_THE_SAME
    }
    return defined, private


def fan_out(source, name):
    """The modules of this package that a module imports."""
    found = imports(ast.parse(source), name, is_package=False)
    return {module for _, module, _ in found if module.startswith(f"{PACKAGE}.")}


def code_lines(source, tree=None):
    """The numbers of the lines of code: not blank, not comment, not docstring."""
    tree = tree or ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and (ast.get_docstring(node, clean=False) is not None):
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return {
        number
        for number, line in enumerate(source.splitlines(), 1)
        if number not in docstrings and line.strip() and not line.strip().startswith("#")
    }


def parameters_kept(function):
    """The lines ``self.name = name`` of a constructor: a list, and no steps to follow."""
    return {
        node.lineno
        for node in function.body
        if function.name == "__init__" and isinstance(node, ast.Assign)
        if ast.unparse(node.targets[0]) == f"self.{ast.unparse(node.value)}"
    }


def size_violations(source):
    """Files and functions that are too long."""
    tree = ast.parse(source)
    lines = code_lines(source, tree)
    found = [f"{len(lines)} lines of code"] if len(lines) > MAX_FILE else []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = lines & set(range(node.body[0].lineno, node.end_lineno + 1))
            body -= parameters_kept(node)
            if len(body) > MAX_FUNCTION:
                found.append(f"{node.name}: {len(body)} lines of code")
    return found


@pytest.fixture(params=FILES, ids=[module_name(path) for path in FILES])
def path(request):
    return request.param


def test_import_rule(path):
    source = path.read_text(encoding="utf-8")
    is_package = path.name == "__init__.py"
    assert import_violations(source, module_name(path), is_package=is_package) == []


def test_sizes(path):
    assert size_violations(path.read_text(encoding="utf-8")) == []


def test_private_names_stay_in_their_folder(path):
    assert private_imports(path.read_text(encoding="utf-8"), module_name(path)) == []


def test_private_names_of_others_stand_in_one_file():
    found = [(path, *names_in(path.read_text(encoding="utf-8"))) for path in FILES]
    ours = set().union(*(defined for _, defined, _ in found))
    foreign = {
        f"{module_name(path)}:{line} {name}"
        for path, _, read in found
        for name, line in read.items()
        if name not in ours and path.name != "_sklearn.py"
    }
    assert foreign == set()


def test_fan_out(path):
    name = module_name(path)
    allowed = HUBS.get(name, MAX_FAN_OUT)
    assert len(fan_out(path.read_text(encoding="utf-8"), name)) <= allowed


def test_every_folder_has_its_floor():
    tops = {path.relative_to(ROOT).with_suffix("").parts[0] for path in FILES}
    assert tops <= {*FLOORS, "__init__", "records"}
    assert {"_sklearn", "nn", "optim", "training", "estimators", "checks"} <= tops


# The rules themselves ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("sknn_opt.nn.layers", "from sknn_opt.optim import Adam", "a floor above"),
        ("sknn_opt.nn.layers", "from sknn_opt import optim", "a floor above"),
        ("sknn_opt.nn.layers", "import sknn_opt.training.batches", "a floor above"),
        ("sknn_opt.nn.layers", "from ..estimators import base", "a floor above"),
        ("sknn_opt.nn.layers", "from .. import plots", "a floor above"),
        ("sknn_opt.nn.layers", "import sknn_opt", "a floor above"),
        ("sknn_opt.nn.layers", "from sknn_opt import MLPClassifier", "a floor above"),
        ("sknn_opt.nn.layers", "def f():\n    from sknn_opt.optim import SGD", "a floor above"),
        ("sknn_opt.estimators.base", "import sknn_opt.checks.gradients.check", "a floor above"),
        ("sknn_opt.optim.optimizers", "import sknn_opt.nn.network", "nothing of layers"),
        ("sknn_opt.nn.layers", "import sklearn.utils", "nothing of scikit-learn"),
        ("sknn_opt.nn.layers", "from sknn_opt._sklearn import Options", "nothing of scikit-learn"),
        ("sknn_opt.nn.layers", "def f():\n    import sklearn", "nothing of scikit-learn"),
        ("sknn_opt.training.batches", "from sklearn.base import clone", "sklearn.utils only"),
        ("sknn_opt.training.batches", "import sklearn", "sklearn.utils only"),
        ("sknn_opt.plots.curves", "import matplotlib.pyplot as plt", "inside the function"),
        ("sknn_opt.nn.layers", "if True:\n    import torch", "inside the function"),
        ("sknn_opt.estimators.base", "from sklearn.utils._tags import x", "private names"),
    ],
)
def test_planted_import_is_found(name, source, message):
    (first, *_) = import_violations(source, name)
    assert message in first


def test_planted_private_names_are_found():
    (found,) = private_imports("from sknn_opt.nn.layers import _Mask", "sknn_opt.training.batches")
    assert "keeps _Mask to itself" in found
    assert private_imports("from sknn_opt.nn.layers import _Mask", "sknn_opt.nn.network") == []
    source = "self._own = 1\nscorer._sign\ngetattr(scorer, '_score_func', None)\npoint._asdict()"
    defined, read = names_in(source)
    assert defined == {"_own"}
    assert set(read) == {"_sign", "_score_func"}


def test_fan_out_counts_modules():
    source = "import numpy\nfrom sknn_opt.nn.layers import Dense\nfrom sknn_opt.nn import network"
    assert len(fan_out(source, "sknn_opt.training.batches")) == 2


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "sknn_opt.nn.layers",
            "import math\nimport numpy as np\nfrom scipy.sparse import eye",
        ),
        ("sknn_opt.nn.layers", "from sknn_opt.kernels import fastest\nfrom . import losses"),
        ("sknn_opt.training.batches", "from sknn_opt.nn.network import Network"),
        ("sknn_opt.training.streams", "from sklearn.utils import check_random_state"),
        ("sknn_opt.plots.curves", "def plot():\n    import matplotlib.pyplot as plt"),
        ("sknn_opt.plots.curves", "if TYPE_CHECKING:\n    from matplotlib.axes import Axes"),
        ("sknn_opt", "from sknn_opt.plots.curves import Display"),
        ("sknn_opt._sklearn", "from sklearn.base import _fit_context"),
        ("sknn_opt._sklearn", "from sklearn.utils._param_validation import Options"),
    ],
)
def test_what_is_allowed(name, source):
    assert import_violations(source, name) == []


def test_relative_imports_of_a_package_are_resolved():
    source = "from .layers import Dense\nfrom ..optim import SGD"
    (found,) = import_violations(source, "sknn_opt.nn", is_package=True)
    assert "sknn_opt.optim" in found


def test_planted_lengths_are_found():
    filler = '"""Text."""\n\n# A comment.\n'
    assert size_violations(filler + "x = 1\n" * MAX_FILE) == []
    assert size_violations(filler + "x = 1\n" * (MAX_FILE + 1)) == [f"{MAX_FILE + 1} lines of code"]
    head = 'class A:\n    def f(self):\n        """Two\n        lines."""\n'
    body = "        # A comment.\n\n        x = 1\n"
    assert size_violations(head + body * MAX_FUNCTION) == []
    assert size_violations(head + body * (MAX_FUNCTION + 1)) == [
        f"f: {MAX_FUNCTION + 1} lines of code"
    ]
    constructor = head.replace("def f(self)", "def __init__(self, a)")
    kept = "        self.a = a\n" * 2 * MAX_FUNCTION
    assert size_violations(constructor + kept) == []
    assert size_violations(constructor + kept.replace("= a", "= 2 * a")) != []
