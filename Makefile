# Kindred's commands; `make` lists them.
#
#   VENV=.venv             the Python environment
#   PYTHON=python3.12      the interpreter that makes it (3.11 to 3.13)
#   KINDRED_DATA=./data    where all data is stored

VENV ?= .venv
KINDRED_DATA ?= data
DAG ?=
CONF ?=
RUN_ID ?=
RUN ?=
IMAGES ?=
RUNS ?=
FILTER ?=
OUT ?=
TO ?=
FROM ?=
APPLY ?=
RULE ?=
REASON ?=
FORMAT ?=
ONLY ?=
DATA ?=
ifneq ($(origin NAME),command line)  # WSL sets NAME to that of the machine
NAME :=
endif
PROJECT ?=
SCHEDULE ?=
TIME_ZONE ?=
DELETE ?=

# Names with spaces: abspath and wildcard would take them for several. Python makes KINDRED_DATA absolute.
BIN := $(if $(filter /%,$(VENV)),$(VENV),$(CURDIR)/$(VENV))/bin
READY := $(VENV)/.ready
# In the place of the recipe's shell, and it ends with make: see include/kindred_airflow/signals.py.
COMMAND = KINDRED_MAKE=$$PPID exec "$(BIN)/python"
ODD := $(strip $(foreach character,: $$ ` \ ",$(findstring $(character),$(CURDIR))))
ifneq ($(ODD),)
  $(error kindred: the path of this checkout holds $(ODD): move it to another folder)
endif
export KINDRED_DATA
export PYTHONPATH := $(CURDIR)/include
export DAG RUN_ID RUN TEXT IMAGES RUNS FILTER OUT TO FROM APPLY FORMAT RULE REASON
export NAME PROJECT SCHEDULE TIME_ZONE DELETE
export CONF
.DEFAULT_GOAL := help
.PHONY: help setup run predict match compare project projects retrain runs pin unpin delete prune promote history \
  rollback search publish fetch up down archive env jars check test test-fast test-long test-cluster screenshots figures \
  lint format lock clean clean-data

help: ## list the commands
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run a pipeline

run: $(READY) ## run a DAG once; RUN_ID=name CONF='{"dataset": ...}' DAG=self_training
	@$(COMMAND) -m kindred_airflow.run

predict: $(READY) ## label a folder of images with a finished run; RUN=name IMAGES=folder
	@$(COMMAND) -m kindred_airflow.predict

match: $(READY) ## match a folder of new queries with the gallery of a finished run; RUN=name IMAGES=folder OUT=folder
	@"$(BIN)/python" -m kindred_airflow.match

compare: $(READY) ## compare finished runs with the first one, on one page; RUNS="a b c" OUT=file
	@"$(BIN)/python" -m kindred_airflow.compare

##@ Retrain on a schedule

project: $(READY) ## write a project: params and a schedule; NAME=name SCHEDULE=@weekly TIME_ZONE=UTC CONF='{...}' DELETE=1
	@"$(BIN)/python" -m kindred_airflow.project

projects: $(READY) ## list the projects: schedule, next time, last run and its accuracy
	@"$(BIN)/python" -m kindred_airflow.list_projects

retrain: $(READY) ## run a project once, now; PROJECT=name, RUN_ID=name resumes
	@$(COMMAND) -m kindred_airflow.retrain

##@ Keep order

runs: $(READY) ## list the runs, the disk they use, and what prune would free; DAG=name FORMAT=json
	@"$(BIN)/python" -m kindred_airflow.list_runs

delete: $(READY) ## delete runs with their part of MLflow and their logs; RUN=name, or RUN="a b c"
	@"$(BIN)/python" -m kindred_airflow.delete

pin: $(READY) ## keep a run from delete; RUN=name
	@"$(BIN)/python" -m kindred_airflow.pin pin

unpin: $(READY) ## let it be deleted again; RUN=name
	@"$(BIN)/python" -m kindred_airflow.pin unpin

prune: $(READY) ## list what nothing needs any more; APPLY=1 deletes it
	@"$(BIN)/python" -m kindred_airflow.prune

##@ Serve

search: $(READY) ## serve the search page until Ctrl-C; RUN=name, else the promoted run; TEXT="a car" asks here, MODE=approximate
	@$(COMMAND) -m kindred_airflow.search

promote: $(READY) ## make a run the served one if it is no worse; RUN=name RULE=must_gain REASON=...
	@"$(BIN)/python" -m kindred_airflow.promote

history: $(READY) ## list what was promoted when, by whom, why; FORMAT=json
	@"$(BIN)/python" -m kindred_airflow.history

rollback: $(READY) ## serve again what was served before, or TO=run; REASON=...
	@"$(BIN)/python" -m kindred_airflow.rollback

publish: $(READY) ## copy a run's model, report and index to a bucket; RUN=name TO=s3://bucket/prefix
	@"$(BIN)/python" -m kindred_airflow.publish publish

fetch: $(READY) ## copy a published run from a bucket to this machine; RUN=name FROM=s3://bucket/prefix
	@"$(BIN)/python" -m kindred_airflow.publish fetch

up: $(READY) ## serve Airflow and MLflow until Ctrl-C; AIRFLOW_PORT=8080 MLFLOW_PORT=5000
	@$(COMMAND) -m kindred_airflow.serve up

down: $(READY) ## stop what `make up` serves
	@"$(BIN)/python" -m kindred_airflow.serve down

##@ Set up

setup: $(READY) ## make the environment from requirements.txt (other commands do this if needed)

$(READY): requirements.txt
	@sh bin/setup "$(VENV)" requirements.txt
	@touch $@

env: ## write .env for docker-compose.yaml: passwords, ports, sizes
	@sh bin/env

jars: $(READY) ## download what Spark needs for s3a:// into the environment (690 MB, once)
	@sh bin/install jars "$(VENV)/share/kindred/jars"

archive: $(READY) ## make kindred.zip, the code for Spark workers that lack it; OUT=file
	@"$(BIN)/python" bin/archive $(if $(OUT),"$(OUT)",kindred.zip)

##@ Develop

check: lint test-fast ## check style, imports and types, run the fast tests: before every commit

# A process takes whole files, as most fixtures are a file's.
test: $(READY) ## run all tests except the very long ones (minutes); PROCESSES=2 COVERAGE=1
	@$(if $(COVERAGE),rm -f .coverage*)
	@COVERAGE_FILE="$(CURDIR)/.coverage" "$(BIN)/python" $(if $(COVERAGE),-m coverage run) \
	  -m pytest -m "(first or not cluster) and not long" \
	  --numprocesses $(or $(PROCESSES),2) --dist loadfile --no-loadscope-reorder
	@$(if $(COVERAGE),"$(BIN)/python" bin/coverage)

# A tenth of its time would go into compiling the tests again.
test-fast: $(READY) ## run the tests without Spark, Airflow, TensorFlow, servers and browsers
	@PYTHONDONTWRITEBYTECODE= "$(BIN)/python" -m pytest --fast

test-long: $(READY) ## run the tests that take minutes each
	@"$(BIN)/python" -m pytest -m "long and not cluster" --durations=0

test-cluster: $(READY) jars ## run all tests on a cluster of local processes (needs PostgreSQL)
	@"$(BIN)/python" -m pytest -m cluster tests/cluster

screenshots: $(READY) ## take the pictures of README and docs anew, from a run on the digits (needs Chromium); DATA=folder
	@"$(BIN)/python" benchmarks/screenshots.py $(if $(DATA),--data "$(DATA)")

figures: $(READY) ## run all benchmarks into docs/figures.md: hours on a quiet machine; ONLY="a b" DATA="STL10=folder"
	@"$(BIN)/python" benchmarks/figures.py --only $(ONLY) --data $(DATA)

lint: $(READY) ## check style, import contracts and types
	@"$(BIN)/ruff" check . && "$(BIN)/ruff" format --check .
	@PYTHONPATH="$(CURDIR)/include:$(CURDIR)" "$(BIN)/lint-imports" --no-logo
	@"$(BIN)/mypy"

format: $(READY) ## fix the style
	@"$(BIN)/ruff" check --fix . && "$(BIN)/ruff" format .

lock: $(READY) ## make requirements.txt from requirements.in
	@"$(BIN)/uv" pip compile --universal --python-version 3.11 --no-annotate --quiet \
	  --custom-compile-command "make lock" requirements.in -o requirements.txt

clean: ## delete the environment and the caches of the tools; data is kept
	rm -rf "$(VENV)" .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .coverage*
	find dags include plugins spark_jobs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## delete KINDRED_DATA: all runs, datasets, caches and databases
	rm -rf "$$KINDRED_DATA"
