.DEFAULT_GOAL := help
PYTHON ?= python3.11
# Elsewhere than on PyPI mirrors with the CPU build of torch:
#   make test PIP_OPTIONS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_OPTIONS ?=
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) -c constraints.txt

.PHONY: help setup demo dashboard test test-slow lint bench format wheel clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/installed  ## .venv with the pinned dependencies

.venv/installed: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the pinned dependencies into .venv (about 1 GB, a minute or two)"
	$(INSTALL) -e .
	touch $@

.venv/installed-dev: .venv/installed
	@echo "installing what tests and checks need (torch, transformers and onnxruntime among it)"
	$(INSTALL) -e ".[dev,torch,export,serve,sweep]"
	touch $@

demo: .venv/installed  ## the main job in minutes: convert, fine-tune, score 15 languages
	$(BIN)/infoxlm train experiment=demo

dashboard: .venv/installed  ## curves of all runs in the browser
	$(BIN)/infoxlm dashboard

test: .venv/installed-dev  ## the tests that take seconds each at most
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/installed-dev  ## every test, real data in the folder that INFOXLM_SHARED names
	$(BIN)/python -m pytest -m "slow or not slow" --timeout 3600

lint: .venv/installed-dev  ## ruff and mypy, as pre-commit and CI run them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed-dev  ## speed beside PyTorch; see experiments/speed for what it needs
	$(BIN)/python experiments/speed/bench.py $(FULL) \
	  --train_file $(MNLI_TRAIN) --xnli_root $(XNLI_ROOT) \
	  --e5_small weights/e5_small weights/e5_torch --base weights/base weights/base_torch

format: .venv/installed-dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: .venv/installed  ## dist/infoxlm-*.whl, configurations inside
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## remove .venv and caches, keep outputs
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
