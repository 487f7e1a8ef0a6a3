# The commands of the README. Each sets up what it needs in .venv, once.

PYTHON ?= python3
BIN := .venv/bin
# Most tests wait for processes of their own. Files stay whole, for what their tests share, and keep their order: those with few and
# long tests would come last.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Tests start many processes, which read bytecode faster than source.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test slow cluster slurm lint bench clean

## Run npn4 with 10 trials into ./results and write its report.
run: .venv/.run
	$(BIN)/relusweep run npn4 --set trials=10 --store results
	$(BIN)/relusweep report npn4 --store results

## Pass the tests.
test: .venv/.dev
	$(BIN)/pytest $(SIDE_BY_SIDE)

## The thorough tests: an hour.
slow: .venv/.dev
	$(BIN)/pytest -m slow $(SIDE_BY_SIDE)
	$(BIN)/pytest -m "hypothesis and not slow" --hypothesis-profile thorough $(SIDE_BY_SIDE)

## The tests on real clusters and of faults; tests/cluster/slurm/install.sh prepares a machine for them.
cluster: .venv/.dev
	$(BIN)/pytest -m "cluster and not slow" $(SIDE_BY_SIDE)

## Those of them on Slurm alone, as CI runs them.
slurm: .venv/.dev
	$(BIN)/pytest -m "cluster and not slow" $(SIDE_BY_SIDE) tests/cluster tests/pipeline/execution/test_slurm_runs.py -k "slurm and not submitted"

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

## Compare the engine with PyTorch, JAX and the processor's peak.
bench: .venv/.bench
	$(BIN)/python benchmarks/training.py

.venv/.run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install -qq --editable .
	touch $@

.venv/.dev: .venv/.run
	$(BIN)/pip install -qq --editable '.[dev]'
	touch $@

.venv/.bench: .venv/.run
	$(BIN)/pip install -qq --editable '.[bench]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
