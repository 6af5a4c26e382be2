# Every command a user or CI needs; each sets up what it is missing.
PYTHON ?= python3
VENV := .venv
TRAIN := .venv-train
BIN := $(VENV)/bin
ENGINE := engines/encoder

CHECK_PYTHON := $(PYTHON) -c 'import sys; v = sys.version_info; \
    sys.exit(f"Python 3.11 or newer is needed, found {v.major}.{v.minor}; set PYTHON=python3.11" \
    if v < (3, 11) else 0)'

.DEFAULT_GOAL := help
.PHONY: help setup run test check format proto bench bench-short setup-training test-training \
        engine-encoder eval lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.ready ## install what serving, tests and checks need into .venv

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

run: setup ## start the server on 127.0.0.1:50051 with the shipped encoder
	$(BIN)/tagger serve

test: setup ## run the tests
	$(BIN)/pytest -m 'not training'

check: setup ## format, lint, strict types, import contracts, proto stubs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory proto
	git diff --exit-code -- tagger/v1

format: setup ## format the code and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: setup ## generate the stubs from proto/
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=. --pyi_out=. --grpc_python_out=. \
	    proto/tagger/v1/tagger.proto

bench: setup ## the latency budget on this machine, about two minutes
	$(BIN)/pytest bench -s

bench-short: setup ## the same budget with fewer requests, for CI
	BENCH_SHORT=1 $(BIN)/pytest bench -s

setup-training: $(TRAIN)/.ready ## install torch and the rest of the train extra into .venv-train

$(TRAIN)/.ready: requirements/train.txt pyproject.toml
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/pip install --quiet --disable-pip-version-check -r requirements/train.txt
	$(TRAIN)/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

test-training: setup-training ## run the tests of training
	$(TRAIN)/bin/pytest -m training

engine-encoder: setup-training ## rebuild the shipped encoder from its data; resumes after a kill
	$(TRAIN)/bin/tagger train --data $(ENGINE)/data --out $(ENGINE)/shipped \
	    --work $(ENGINE)/build --report $(ENGINE)/REPORT.md

eval: setup-training ## rebuild engines/encoder/REPORT.md for the shipped engine
	$(TRAIN)/bin/python -m tagger.training.report --data $(ENGINE)/data \
	    --engine $(ENGINE)/shipped --report $(ENGINE)/REPORT.md \
	    --float-model $(ENGINE)/build/float.onnx

lock: setup ## renew the pinned requirements
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile -q --no-header --no-emit-index-url --no-emit-trusted-host \
	    --no-emit-find-links --no-annotate --strip-extras --extra dev -o requirements/dev.txt
	$(BIN)/pip-compile -q --no-header --no-emit-index-url --no-emit-trusted-host \
	    --no-emit-find-links --no-annotate --strip-extras --extra dev --extra train \
	    -o requirements/train.txt
	sed -i 's/^\(torch==[0-9.]*\)+cpu/\1/' requirements/train.txt

clean: ## remove environments and what can be built again
	rm -rf $(VENV) $(TRAIN) $(ENGINE)/build bench/results .pytest_cache .mypy_cache .ruff_cache
