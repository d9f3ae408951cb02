# Kindred: `make` shows what there is.
#
#   VENV=.venv             the environment
#   PYTHON=python3.12      what it is made with (3.11 to 3.13)
#   KINDRED_DATA=./data    where all data lies

VENV ?= .venv
KINDRED_DATA ?= data
DAG ?= self_training
CONF ?=
RUN_ID ?=
RUN ?=
IMAGES ?=
RUNS ?=
FILTER ?=
OUT ?=
TO ?=
FROM ?=

BIN := $(abspath $(VENV))/bin
READY := $(VENV)/.ready
export KINDRED_DATA := $(if $(findstring ://,$(KINDRED_DATA)),$(KINDRED_DATA),$(abspath $(KINDRED_DATA)))
export PYTHONPATH := $(CURDIR)/include
export DAG RUN_ID RUN IMAGES RUNS FILTER OUT TO FROM
export CONF
.DEFAULT_GOAL := help
.PHONY: help setup run predict compare promote search publish fetch up down archive env jars \
  check test test-fast test-long test-cluster lint types format lock clean clean-data

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the environment: $(VENV) with the packages of requirements.txt

$(READY): requirements.txt
	@sh bin/setup "$(VENV)" requirements.txt
	@touch $@

run: $(READY) ## run a DAG once: CONF='{"dataset": ...}' DAG=self_training RUN_ID=name
	@"$(BIN)/python" -m kindred_airflow.run

predict: $(READY) ## label any folder of images with a finished run: RUN=name IMAGES=folder
	@"$(BIN)/python" -m kindred_airflow.predict

compare: $(READY) ## put finished runs side by side on one page: RUNS="a b c" (the others against the first) OUT=file
	@"$(BIN)/python" -m kindred_airflow.compare

promote: $(READY) ## serve a finished run: its model becomes MLflow's @champion, the search shows it: RUN=name
	@"$(BIN)/python" -m kindred_airflow.promote

search: $(READY) ## search images on a page until Ctrl-C: in what was promoted, or in RUN=name
	@"$(BIN)/python" -m kindred_airflow.search

publish: $(READY) ## copy a run's model, report and index to a bucket: RUN=name TO=s3://bucket/prefix
	@"$(BIN)/python" -m kindred_airflow.publish publish

fetch: $(READY) ## bring a published run here, to serve it: RUN=name FROM=s3://bucket/prefix
	@"$(BIN)/python" -m kindred_airflow.publish fetch

up: $(READY) ## serve Airflow and MLflow until Ctrl-C
	@"$(BIN)/python" -m kindred_airflow.serve up

down: $(READY) ## end what `make up` serves
	@"$(BIN)/python" -m kindred_airflow.serve down

archive: $(READY) ## make kindred.zip, the code for workers that do not have it: KINDRED_PY_FILES names it to Airflow
	@"$(BIN)/python" bin/archive $(if $(OUT),"$(OUT)",kindred.zip)

env: ## write .env, the passwords, ports and sizes of docker-compose.yaml
	@sh bin/env

check: lint test-fast ## what to run before a commit: style, import contracts, types, fast tests

test: $(READY) ## run the tests: minutes
	@"$(BIN)/python" -m pytest -m "(first or not cluster) and not long" --durations=10 $(COVERAGE)

test-fast: $(READY) ## run the tests without Spark, Airflow, TensorFlow, servers and browsers: seconds
	@"$(BIN)/python" -m pytest -m "not (spark or airflow or tensorflow or cluster or slow or long)" -n auto --durations=0

test-long: $(READY) ## run the tests that take minutes each, and print how many
	@"$(BIN)/python" -m pytest -m "long and not cluster" --durations=0

test-cluster: $(READY) jars ## run the tests on a cluster of this machine's processes, all faults: needs PostgreSQL
	@"$(BIN)/python" -m pytest -m cluster tests/cluster

jars: $(READY) ## fetch what Spark needs for s3a:// into the environment: 690 MB, once
	@sh bin/install jars "$(VENV)/share/kindred/jars"

lint: $(READY) ## check style, import contracts and types
	@"$(BIN)/ruff" check . && "$(BIN)/ruff" format --check .
	@PYTHONPATH="$(CURDIR)/include:$(CURDIR)" "$(BIN)/lint-imports" --no-logo

types: $(READY) ## check the types
	@"$(BIN)/mypy"

format: $(READY) ## fix the code's style
	@"$(BIN)/ruff" check --fix . && "$(BIN)/ruff" format .

lock: $(READY) ## make requirements.txt from requirements.in
	@"$(BIN)/uv" pip compile --universal --python-version 3.11 --no-annotate --quiet \
	  --custom-compile-command "make lock" requirements.in -o requirements.txt

clean: ## delete the environment and the caches of the tools; data stay
	rm -rf "$(VENV)" .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find dags include plugins spark_jobs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## delete KINDRED_DATA: runs, datasets, caches, MLflow's and Airflow's databases
	rm -rf "$(KINDRED_DATA)"
