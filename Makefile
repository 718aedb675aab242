# Every target makes the environment it needs. A stamp ENV/EXTRA.stamp says that
# `.[EXTRA]` is installed in ENV, so a second call starts at once.
PYTHON ?= python3
PYTHONS = $(PYTHON) python3.13 python3.12 python3.11
SUPPORTED = (3, 11) <= sys.version_info
WANTED = Python 3.11 or newer

ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST = $(ONE_THREAD) MPLBACKEND=Agg $(<D)/bin/python -m pytest -n 2 --dist worksteal
SPHINX = $(ONE_THREAD) MPLBACKEND=Agg $(<D)/bin/python -m sphinx -W --keep-going -q -d docs/_build/doctrees

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL = help
.NOTPARALLEL:
.PHONY: help demo test test-floors lint docs site-check bench profile clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/examples.stamp ## a network on real data, side by side with scikit-learn's
	MPLBACKEND=Agg $(<D)/bin/python examples/quickstart.py

test: .venv/test.stamp ## the whole test suite and the doctests
	SCIPY_ARRAY_API=1 $(PYTEST) -q -k "array_api or scaler_suite or test_normalizer" \
		tests/test_common.py tests/estimators
	SKNN_OPT_KERNELS=numpy $(PYTEST) -q tests/nn tests/optim tests/training tests/pins
	$(PYTEST) --doctest-modules tests sknn_opt

test-floors: .venv-floors/test.stamp ## the test suite on the oldest supported versions
	$(PYTEST) tests

lint: .venv/dev.stamp ## ruff's rules and format, and mypy's types
	$(<D)/bin/python -m ruff check .
	$(<D)/bin/python -m ruff format --check .
	$(<D)/bin/python -m mypy

docs: .venv/docs.stamp ## the documentation, and the code in it
	$(SPHINX) -b html docs docs/_build/html
	$(SPHINX) -b doctest docs docs/_build/doctest

site-check: docs ## the built site in a headless browser, and its links (needs Chromium)
	.venv/bin/python docs/check_site.py

bench: .venv-bench/bench.stamp ## speed and accuracy compared with the peers
	$(<D)/bin/python benchmarks/speed/compare.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/speed/one_row.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/speed/members.py
	$(<D)/bin/python benchmarks/speed/larger_than_memory.py
	$(<D)/bin/python benchmarks/accuracy.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/drop_in.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/training.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/held_out.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/row_by_row.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/outliers.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/gradient_checkers.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/hints.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/signals.py
	$(ONE_THREAD) $(<D)/bin/python benchmarks/shift.py
	$(ONE_THREAD) PYTHONPATH=benchmarks $(<D)/bin/python -m search.importance
	$(ONE_THREAD) PYTHONPATH=benchmarks $(<D)/bin/python -m search.speed
	$(ONE_THREAD) PYTHONPATH=benchmarks $(<D)/bin/python -m search.compare
	$(ONE_THREAD) PYTHONPATH=benchmarks $(<D)/bin/python -m tables.compare
	$(ONE_THREAD) PYTHONPATH=benchmarks $(<D)/bin/python -m tables.parts
	$(ONE_THREAD) PYTHONPATH=benchmarks $(<D)/bin/python -m tables.scale

profile: .venv-bench/bench.stamp ## where the time of a training step goes: make profile NET=C
	$(<D)/bin/python benchmarks/speed/profile_step.py $(NET)

clean: ## remove the environments and everything built
	rm -rf .venv .venv-floors .venv-bench docs/_build docs/generated docs/auto_*
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

%.stamp: pyproject.toml
	@echo "Installing .[$(*F)] into $(@D) (once; about half a minute)"
	@$(@D)/bin/python -m pip --version >/dev/null 2>&1 || { $(make_environment); }
	@$(@D)/bin/python -m pip install --quiet --editable '.[$(*F)]' $(CONSTRAINTS)
	@touch $@

.venv-floors/test.stamp: .ci/floors.txt
.venv-floors/test.stamp: CONSTRAINTS = --constraint .ci/floors.txt
.venv-floors/test.stamp: SUPPORTED = (3, 11) <= sys.version_info < (3, 13)
.venv-floors/test.stamp: WANTED = Python 3.11 or 3.12

# The first Python that is recent enough and brings venv.
define make_environment
for python in $(PYTHONS); do \
    if "$$python" -c 'import ensurepip, sys; sys.exit(not $(SUPPORTED))' 2>/dev/null; then \
        "$$python" -m venv --clear $(@D) && exit; \
    fi; \
done; \
echo "sknn_opt needs $(WANTED) with its venv module: try make PYTHON=/path/to/python3." >&2; \
exit 1
endef
