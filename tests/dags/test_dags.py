"""The DAGs: they load, their order is the plan's, and their forms explain and check themselves."""

import contextlib
import copy
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kindred.runtime import label_budget, stages, variants

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
BUDGET = ("label_choice", "labels_per_class", "labels")


@pytest.fixture(scope="module")
def dags(tmp_path_factory):
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert not bag.import_errors
    return bag.dags


def test_the_stages_of_self_training_stand_in_the_order_of_the_plan(dags):
    dag = dags["self_training"]

    assert [task.task_id for task in dag.topological_sort()] == ["open_run", *stages.ORDER, "close_run"]


def test_spark_tasks_wait_for_a_slot_of_the_pool_and_are_tried_again(dags):
    tasks = [task for dag in dags.values() for task in dag.tasks if task.task_type == "StageOperator"]

    assert tasks
    assert {task.pool for task in tasks} == {"spark"}
    assert all(task.retries >= 1 for task in tasks)


def test_each_field_of_each_form_has_a_title_and_a_description(dags):
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema.get("title"), f"{dag.dag_id}: {name}"
            assert len(param.description or "") > 10, f"{dag.dag_id}: {name}"


def test_the_form_begins_with_the_name_of_the_run_and_what_most_runs_set(dags):
    sections = {name: dags["self_training"].params.get_param(name).schema.get("section") for name in form(dags)}
    names = list(sections.values())

    assert list(sections)[:7] == ["run_name", "dataset", "path", "task", "extractor", "labels_per_class", "labels"]
    assert names[:7] == [None] * 7
    assert None not in names[7:]
    assert [name for name, _ in itertools.groupby(names[7:])] == list(dict.fromkeys(names[7:]))  # each in one piece


def form(dags) -> dict[str, object]:
    """The values of the main pipeline's form, as it opens."""
    return dags["self_training"].params.dump()


def test_make_run_without_conf_the_form_and_the_first_example_of_the_readme_are_one_dict(dags, monkeypatch):
    from kindred_airflow import run

    command = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("make run"))
    example = dict(word.split("=", 1) for word in shlex.split(command, comments=True)[2:])
    started = []
    monkeypatch.setattr(run, "run", lambda dag_id, conf, name: started.append((dag_id, conf)) or ("", 1))
    for name in ("DAG", "CONF", "RUN_ID"):
        monkeypatch.delenv(name, raising=False)

    for environment in ({}, {"CONF": "", "DAG": ""}, example):  # make exports empty texts
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            run.main()

    values = [{**dags[dag_id].params.dump(), **conf} for dag_id, conf in started]
    assert values == [form(dags)] * 3
    assert label_budget.of_params(form(dags)) == label_budget.Budget(10, None, "digits")
    assert "10 labels per class" in command


def test_airflow_lists_the_main_pipeline_first_and_then_what_comes_after_it(dags):
    names = sorted((dag.dag_display_name, dag_id) for dag_id, dag in dags.items())

    assert [dag_id for _, dag_id in names][:3] == ["self_training", "predict", "promote"]
    assert all(dag.dag_display_name != dag_id and dag.description for dag_id, dag in dags.items())


def test_each_dag_links_the_features_of_airflow_that_it_uses(dags):
    for dag in dags.values():
        used = set(re.findall(r"\[([a-z-][a-z -]+)\](?!:)", dag.doc_md))
        linked = dict(re.findall(r"^\[([a-z -]+)\]: (https://airflow\.apache\.org/docs/\S+)$", dag.doc_md, re.M))
        assert used == linked.keys() >= {"params"}, dag.dag_id
        assert bool({"mapped tasks"} & used) == any(task.is_mapped for task in dag.tasks), dag.dag_id
        assert bool({"task group", "task groups"} & used) == bool(dag.task_group.get_task_group_dict().keys() - {None})


@pytest.mark.parametrize("kind", sorted(variants.KINDS.keys() - {"clusterer"}))
def test_a_form_offers_the_variants_that_are_there(dags, kind):
    dag = dags["image_matching" if kind in ("embedder", "local_features", "reranker") else "self_training"]
    more = {
        "extractor": [variants.AUTO],
        "embedder": [variants.AUTO],
        "reranker": [variants.AUTO],
        "local_features": [variants.NONE],
    }
    assert dag.params.get_param(kind).schema["enum"] == [*more.get(kind, []), *variants.offered(kind)]


def test_a_dataset_with_fields_of_its_own_has_a_form_that_shows_them(dags):
    for dataset, fields in variants.DATASET_PARAMS.items():
        needed = set(fields) - {variants.TASK}  # a form without the task is for one label an image
        forms = [dag.params for dag in dags.values() if "dataset" in dag.params]
        offering = [form for form in forms if dataset in form.get_param("dataset").schema.get("enum", [])]
        assert all(needed <= set(form) for form in offering)
        assert [form for form in offering if variants.TASK in form]
        assert not needed or [form["dataset"] for form in offering] == [dataset]


def test_only_ingest_of_the_main_pipeline_and_of_open_images_takes_the_task(dags):
    taking = {dag_id for dag_id, dag in dags.items() for one in dag.tasks if "task" in getattr(one, "arguments", {})}

    assert taking == {"self_training", "open_images", "label_propagation", "stl10_study"}
    assert dags["self_training"].get_task("ingest").arguments["task"] == "{{ params.task | tojson }}"
    assert dags["stl10_study"].get_task("ours.ingest").arguments["task"] == '"single_label"'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", "nope"),
        ("folds", 1),
        ("folds", "five"),
        ("threshold", 1.5),
        ("percentile", 101),
        ("gate", "sometimes"),
        ("labels_per_class", 0),
        ("seed", -1),
        ("leaks", "maybe"),
        ("run_name", "../elsewhere"),
        ("image_size", 2),
        ("attack", "perhaps"),
        ("attacks", ["deepfool"]),
        ("attacks", []),
        ("attack_images", 0),
        ("attack_queries", 0),
        ("attack_epsilon_l2", 0),
        ("attack_epsilon_linf", 1.5),
    ],
)
def test_the_form_refuses_a_value_out_of_range(dags, name, value):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["self_training"].params.get_param(name).resolve(value)


def test_a_stage_gets_its_values_as_json_and_no_default(dags):
    task = dags["self_training"].get_task("choose_labels")

    assert task.arguments["labels_per_class"] == "{{ params.labels_per_class | tojson }}"
    assert task.stage == "choose_labels"


@pytest.mark.parametrize("ticked", [True, False])
def test_the_attack_is_skipped_and_leaves_no_figures_unless_its_box_is_ticked(dags, tmp_path, ticked):
    from airflow.sdk.exceptions import AirflowSkipException

    task = copy.copy(dags["self_training"].get_task("attack"))
    mark = tmp_path / "attack" / "_DONE.json"
    mark.parent.mkdir()
    mark.write_text("{}")
    task.run = f"file://{tmp_path}"

    with contextlib.nullcontext() if ticked else pytest.raises(AirflowSkipException):
        task._pre_execute_hook({"params": {"attack": ticked}, "task": task})

    assert mark.exists() == ticked


def test_the_attack_is_skipped_where_there_is_no_labelled_test_image(dags, tmp_path):
    from airflow.sdk.exceptions import AirflowSkipException

    task = copy.copy(dags["self_training"].get_task("attack"))
    (tmp_path / "ingest").mkdir()
    (tmp_path / "ingest" / "_DONE.json").write_text('{"facts": {"test_labels": 0}}')
    task.run = f"file://{tmp_path}"

    with pytest.raises(AirflowSkipException, match="no test image has a known label"):
        task._pre_execute_hook({"params": {"attack": True}, "task": task})


def test_the_published_study_runs_beside_our_own_defaults(dags):
    dag = dags["stl10_study"]
    reproduced, ours = (dag.get_task(f"{part}.pseudo_label").arguments for part in ("reproduced", "ours"))

    assert reproduced["threshold"] == "0"
    assert ours["threshold"] == "null"
    assert reproduced["labeller"] == '"confidence"'
    gates = [dag.get_task(f"{part}.gate").arguments["gate"] for part in ("reproduced", "ours")]
    assert gates == ['"off"', '"no_harm"']
    assert {"reproduced.close_run", "ours.close_run"} == dag.get_task("compare").upstream_task_ids - {
        "reproduced.open_run",
        "ours.open_run",
    }


def test_the_stl10_study_learns_from_all_labels_of_network_features(dags):
    dag = dags["stl10_study"]

    assert dag.params["extractor"] == "mobilenet_v2"
    assert variants.AUTO not in dag.params.get_param("extractor").schema["enum"]
    for part in ("reproduced", "ours"):
        arguments = dag.get_task(f"{part}.choose_labels").arguments
        assert label_budget.budget("stl10", *(json.loads(arguments[name]) for name in BUDGET)) == label_budget.Budget()


def test_label_propagation_maps_its_clusterings_and_cells_and_ends_with_the_table(dags):
    dag = dags["label_propagation"]
    order = [task.task_id for task in dag.topological_sort() if not task.task_id.startswith("ours.")]

    assert {task.task_id for task in dag.tasks if task.is_mapped} == {"cluster", "cell"}
    assert order[-1] == "table"
    assert [name for name in order if name in ("ingest", "featurize", "cluster", "cell", "close_run")] == (
        "ingest featurize cluster cell close_run".split()
    )
    assert dag.get_task("cell").upstream_task_ids == {"cells", "cluster", "open_run"}
    assert "ours.close_run" in dag.get_task("table").upstream_task_ids


def test_the_stages_of_unsupervised_classification_stand_in_the_order_of_the_plan(dags):
    order = [task.task_id for task in dags["unsupervised_classification"].topological_sort()]

    first = stages.UNSUPERVISED_ORDER.index("choose_labels")
    planned = [*stages.UNSUPERVISED_ORDER[:first], "cluster", *stages.UNSUPERVISED_ORDER[first:]]
    assert order == ["open_run", "clusterings", *planned, "close_run"]


def test_the_stages_of_image_matching_stand_in_the_order_of_the_plan(dags):
    dag = dags["image_matching"]

    assert [task.task_id for task in dag.topological_sort()] == ["open_run", *stages.MATCHING_ORDER, "close_run"]
    assert dag.get_task("ingest").arguments["to_match"] == "true"
    assert dag.get_task("choose_labels").job == "train_labels"


def test_the_stages_of_open_images_stand_in_the_order_of_the_plan(dags):
    dag = dags["open_images"]

    assert [task.task_id for task in dag.topological_sort()] == ["open_run", *stages.OPEN_IMAGES_ORDER, "close_run"]
    assert dag.get_task("ingest").arguments["classes"] == "{{ params.classes | tojson }}"
    assert "classes" not in dags["self_training"].get_task("ingest").arguments
    assert dag.params["extractor"] == "inception_v3"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", []),
        ("classes", ["Tree", "Tree"]),
        ("classes", "Tree"),
        ("label_source", "crowd"),
        ("label_threshold", 1.5),
        ("both", "keep"),
        ("images", ""),
        ("dataset", "digits"),
    ],
)
def test_the_form_of_open_images_refuses_a_value_out_of_range(dags, name, value):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["open_images"].params.get_param(name).resolve(value)


def test_each_clusterer_has_a_clustering_for_each_seed():
    from kindred_airflow.clusterings import clusterings

    params = {"clusterers": ["temi", "kmeans", "temi"], "cluster_seeds": 2, "k": None, "seed": 5}
    found = {one["stage"]: one["arguments"] for one in clusterings.function(params=params)}

    assert list(found) == ["cluster/temi-0", "cluster/temi-1", "cluster/kmeans-0", "cluster/kmeans-1"]
    assert found["cluster/kmeans-1"] == {"clusterer": '"kmeans"', "k": "null", "seed": "6", "carry_over": "true"}


def test_label_propagation_runs_beside_our_own_defaults_with_a_mapped_budget(dags):
    dag = dags["label_propagation"]
    ours, study = (dag.get_task(f"{part}featurize").arguments for part in ("ours.", ""))
    chosen = dag.get_task("ours.choose_labels").arguments

    assert ours["extractor"] == '"patch_kmeans"'
    assert study["extractor"] == '"pixels"'
    assert hasattr(chosen["labels"], "resolve")
    assert chosen["seed"] == "{{ params.seed | tojson }}"
    assert dag.get_task("ours.gate").arguments["gate"] == '"no_harm"'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budgets", [1]),
        ("budgets", []),
        ("budgets", "500"),
        ("centroids", [0]),
        ("percentiles", [101]),
        ("percentiles", [-1]),
    ],
)
def test_the_form_of_label_propagation_refuses_a_value_out_of_range(dags, name, value):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["label_propagation"].params.get_param(name).resolve(value)


def test_loading_the_dags_imports_nothing_heavy(tmp_path):
    program = (
        "import sys, runpy\n"
        "for path in sys.argv[1:]: runpy.run_path(path)\n"
        "print(*sorted({'pyspark', 'tensorflow', 'keras', 'mlflow', 'numpy', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_HOME": str(tmp_path)}

    paths = [str(path) for path in sorted((ROOT / "dags").glob("*.py"))]
    done = subprocess.run([sys.executable, "-c", program, *paths], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_the_forms_choices_are_those_of_the_core() -> None:
    """The forms cannot ask the core for them: it imports numpy."""
    from kindred.data import open_images_labels
    from kindred.data.datasets import open_images
    from kindred.evaluation.attacks import attack_plan
    from kindred.learning import cluster_naming, gate
    from kindred.report import embedding_map_section
    from kindred_airflow.forms.attack import ATTACK
    from kindred_airflow.forms.open_images import OPEN_IMAGES
    from kindred_airflow.forms.self_training import SELF_TRAINING
    from kindred_airflow.forms.unsupervised_classification import UNSUPERVISED_CLASSIFICATION

    assert SELF_TRAINING["gate"].schema["enum"] == list(gate.CRITERIA)
    assert OPEN_IMAGES["label_source"].schema["enum"] == list(open_images_labels.LABEL_SOURCES)
    assert OPEN_IMAGES["both"].schema["enum"] == list(open_images.SEVERAL)
    assert OPEN_IMAGES["label_threshold"].value == open_images.THRESHOLD
    assert tuple(UNSUPERVISED_CLASSIFICATION["name_clusters_by"].schema["enum"]) == cluster_naming.NAMINGS
    assert SELF_TRAINING["projection"].schema["enum"] == list(embedding_map_section.PROJECTIONS)
    text = SELF_TRAINING["labels_per_class"].description
    defaults = {name: label_budget.default(name) for name in variants.names("dataset")}
    assert re.findall(r"(\d+) for (\w+)", text) == [(str(n), name) for name, n in defaults.items() if n]
    assert ATTACK["attacks"].value == ATTACK["attacks"].schema["examples"] == list(attack_plan.ATTACKS)
    assert ATTACK["attacks"].schema["items"]["enum"] == list(attack_plan.ATTACKS)
