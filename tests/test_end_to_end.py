"""The whole thing for real: `make run`'s program, killed and retried, resumed, served, used for prediction."""

import base64
import contextlib
import csv
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

import pictures
import sockets
from chromium import PROGRAM, Page
from kindred.data import images
from kindred.runtime import file_names, marks, runs, stages, storage

pytestmark = [pytest.mark.spark, pytest.mark.airflow]

ROOT = Path(__file__).parents[1]
CONF = {"dataset": "digits", "labels": 100}
STAGES = [stage for stage in stages.ORDER if stage != stages.ATTACK]
VICTIMS = ("submitted", "stage", "driver")
ENDED = ("success", "failed")
MINE = {"name": "mine"}
SCORES = "accuracy precision recall f1 true_positive_rate false_positive_rate mcc log_loss roc_auc".split()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("kindred")


@pytest.fixture(scope="module")
def environment(home) -> dict[str, str]:
    return {**os.environ, "KINDRED_DATA": str(home), "PYTHONPATH": str(ROOT / "include")}


@pytest.fixture(scope="module")
def killed_run(home, environment, seed) -> dict:
    """A run on digits, one of whose stages is killed in the middle; Airflow tries it again."""
    env = {**environment, "CONF": json.dumps(CONF), "RUN_ID": "first", "DAG": "self_training"}
    process = start("kindred_airflow.run", env)
    rng = random.Random(seed)
    stage, victim = rng.choice(STAGES[:5]), rng.choice(VICTIMS)
    with sockets.watched(process.pid) as beyond_loopback:
        found = wait_for(lambda: find_victim(process.pid, stage, victim), 900)
        time.sleep(rng.uniform(0, 1))
        kill(found)
        output, _ = process.communicate(timeout=900)
    folder = home / "runs" / "self_training" / "first"
    return {
        "status": process.returncode,
        "output": f"killed: {stage}, {victim}, KINDRED_TEST_SEED={seed}\n{output}",
        "folder": folder,
        "beyond_loopback": beyond_loopback,
    }


def test_a_run_whose_stage_was_killed_is_retried_and_succeeds(killed_run):
    figures = json.loads((killed_run["folder"] / file_names.METRICS).read_text())

    assert killed_run["status"] == 0, killed_run["output"]
    assert {f"{model}/test/{score}" for model in ("base", "final") for score in SCORES} <= set(figures)
    assert {f"{stage}/seconds" for stage in STAGES} | {f"{stage}/reused" for stage in STAGES} <= set(figures)
    assert figures["ingest/train"] + figures["ingest/test"] == 1797
    assert figures["choose_labels/labels"] == 100
    assert figures["base/test/accuracy"] > 0.85
    chosen = "candidate" if figures["gate/accepted"] else "base"
    assert figures["final/test/accuracy"] == figures[f"{chosen}/test/accuracy"]
    assert figures["final/cv/accuracy_mean"] == figures[f"{chosen}/cv/accuracy_mean"]
    assert figures["gate/low"] <= figures["gate/difference"] <= figures["gate/high"]
    record = json.loads((killed_run["folder"] / file_names.RUN).read_text())
    assert (record["params"]["extractor"], record["resolved"]) == ("auto", {"extractor": "pixels"})
    assert record["tags"]["extractor"] == "pixels"


def test_nobody_on_the_network_reaches_a_run_and_no_other_account_reads_what_it_makes(killed_run, home):
    made = [*home.iterdir(), *(home / "airflow").rglob("*"), *(home / "logs").rglob("*")]

    assert killed_run["beyond_loopback"] == set()
    assert len(made) > 10
    assert [path for path in made if is_open(path)] == []


def test_the_console_shows_the_conf_each_stage_and_the_table_but_not_the_log(killed_run):
    lines = killed_run["output"].splitlines()[1:]

    assert lines[0] == f"self_training {json.dumps(CONF)}"
    assert all(any(re.match(rf"  {stage} +done in [\d.]+ (s|min).*, .+", line) for line in lines) for stage in STAGES)
    assert any(line.startswith("test accuracy") for line in lines)
    assert not any("WARN" in line or "INFO" in line for line in lines)
    assert len(lines) < 80


def test_the_same_run_id_again_skips_every_stage(killed_run, environment):
    before = json.loads((killed_run["folder"] / file_names.METRICS).read_text())
    env = {**environment, "CONF": json.dumps(CONF), "RUN_ID": "first", "DAG": "self_training"}

    process = start("kindred_airflow.run", env)
    output, _ = process.communicate(timeout=600)

    after = json.loads((killed_run["folder"] / file_names.METRICS).read_text())
    assert process.returncode == 0, output
    assert all(after[f"{stage}/reused"] == 1 for stage in STAGES)
    assert scores_of(after) == scores_of(before)


def test_a_promoted_run_is_searched_on_a_page_and_on_the_console(killed_run, home, environment, tmp_path):
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    promotion = start("kindred_airflow.promote", {**environment, "RUN": "first"})
    promoted, _ = promotion.communicate(timeout=120)
    server = start("kindred_airflow.search", {**environment, "SEARCH_PORT": str(port)})
    try:
        wait_for(lambda: port_answers(port), 60)
        beyond_loopback = sockets.beyond_loopback(server.pid)
        query = call(f"{address}/api/images?limit=1", None)[1]["images"][0]["image_id"]
        status, answer = call(f"{address}/api/search?image_id={query}&k=3&distance=l2", None)
        with urllib.request.urlopen(f"{address}/api/images/{query}/picture", timeout=60) as picture:
            (tmp_path / "query.png").write_bytes(picture.read())
        foreign = http.client.HTTPConnection("127.0.0.1", port)
        foreign.request("GET", "/api/about", headers={"Host": "elsewhere.example"})
        refused = foreign.getresponse().status
        foreign.close()
    finally:
        server.send_signal(signal.SIGINT)
        ended = server.wait(60)
    asking = start("kindred.search", environment, *f"--image {tmp_path}/query.png --k 3 --distance l2".split())
    table, _ = asking.communicate(timeout=60)

    nearest = [image["origin"] for image in answer["nearest"]]
    assert promotion.returncode == 0, promoted
    assert json.loads((home / "serving.json").read_text())["name"] == "self_training/first"
    assert (status, refused, ended) == (200, 400, 130)
    assert beyond_loopback == set()
    assert [line.split()[-1] for line in table.splitlines()[-3:]] == nearest
    assert f"the same picture as {answer['query']['origin']}" in table.splitlines()[0]


def test_a_run_triggered_through_the_served_api_gives_the_same_figures(killed_run, home, environment, tmp_path):
    airflow_port, mlflow_port = free_port(), free_port()
    env = {**environment, "AIRFLOW_PORT": str(airflow_port), "MLFLOW_PORT": str(mlflow_port)}
    address = f"http://127.0.0.1:{airflow_port}"
    server = start("kindred_airflow.serve", env, "up")
    try:
        password = wait_for(lambda: next_line(server, r"user admin, password (\S+)"), 300)
        token = call(f"{address}/auth/token", {"username": "admin", "password": password})[1]["access_token"]
        trigger = f"{address}/api/v2/dags/self_training/dagRuns"

        anonymous, _ = call(trigger, {"logical_date": None, "conf": CONF})
        refused, answer = call(trigger, {"logical_date": None, "conf": {**CONF, "folds": 1}}, token)
        typo = call(trigger, {"logical_date": None, "conf": {**CONF, "treshold": 0.9}}, token)
        accepted, run = call(trigger, {"logical_date": None, "conf": CONF}, token)
        with sockets.watched(server.pid) as beyond_loopback:
            log = wait_for(lambda: log_of_running_task(f"{trigger}/{run['dag_run_id']}", "ingest", token), 300)
            wait_for(lambda: call(f"{trigger}/{run['dag_run_id']}", None, token)[1]["state"] in ENDED, 600)
        experiments = f"http://127.0.0.1:{mlflow_port}/api/2.0/mlflow/experiments/create"
        outside = {"name": "outside", "artifact_location": "/etc"}
        login = f"Basic {base64.b64encode(f'admin:{password}'.encode()).decode()}"
        created = [call(experiments, *request)[0] for request in ((MINE,), (outside, login), (MINE, login))]
        about = f"{address}/image-search/api/about"
        stranger, known = call(about, None), call(about, None, token)
        cards = PROGRAM and search_in_airflow(address, token, tmp_path)
    finally:
        server.send_signal(signal.SIGINT)
        status = server.wait(90)

    served = json.loads(
        (home / "runs" / "self_training" / runs.slug(run["dag_run_id"]) / file_names.METRICS).read_text()
    )
    made = json.loads((killed_run["folder"] / file_names.METRICS).read_text())
    assert (anonymous, refused, accepted, status) == (401, 400, 200, 130)
    assert "folds" in answer["detail"]
    assert typo == (400, {"detail": "unknown param 'treshold'; did you mean 'threshold'?"})
    assert scores_of(served) == pytest.approx(scores_of(made), abs=1e-6)
    assert served["featurize/reused"] == 1
    assert stranger[0] == 401
    assert beyond_loopback == set()
    assert "[kindred]" in log
    assert created == [401, 400, 200]  # without a password, outside of MLflow's folder, inside
    assert [path for path in (home / "airflow", *home.glob("*.db"), *home.glob("logs/*")) if is_open(path)] == []
    assert [path for path in home.glob("logs/*") if password in path.read_text()] == []
    assert (known[0], known[1]["run"]) == (200, "self_training/first")  # what the test before has promoted
    assert cards in (None, 16)
    assert not port_answers(airflow_port)
    assert not port_answers(mlflow_port)


@pytest.mark.long
def test_one_core_gives_the_same_figures_as_all(killed_run, environment, tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/accuracy.py", "--labels", "100", "--draws", "1", "--master", "local[1]"]

    subprocess.run(
        [*command, "--json", str(file)], cwd=ROOT, env=environment, check=True, timeout=600, capture_output=True
    )

    made = json.loads((killed_run["folder"] / file_names.METRICS).read_text())
    figures = json.loads(file.read_text())
    for model in ("base", "final"):
        name = f"digits/pixels/logistic_regression/100/{model}/accuracy_mean"
        assert figures[name] == pytest.approx(made[f"{model}/test/accuracy"], abs=1e-6)


def test_the_final_model_loads_without_spark_and_tensorflow_as_the_docs_say(killed_run, environment, tmp_path):
    page = (ROOT / "docs" / "results.md").read_text()
    (printed,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import mlflow" in block]
    before = 'import sys\nsys.modules |= {"pyspark": None, "tensorflow": None, "keras": None}  # importing one fails\n'
    after = (
        "assert list(answer.columns) == [str(i) for i in range(10)]\nassert abs(answer.to_numpy().sum() - 1) < 1e-5\n"
    )
    (tmp_path / "data").symlink_to(environment["KINDRED_DATA"])
    (tmp_path / "cat.jpg").write_bytes(pictures.encoded(pictures.noise(8, 8, 1), "JPEG"))

    command = [sys.executable, "-c", f"{before}{printed}{after}"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_onnx_file_alone_gives_the_probabilities_of_the_run(killed_run):
    import onnxruntime
    import pyarrow.dataset as ds

    mark, ingest = (marks.mark_of(storage.uri(str(killed_run["folder"] / stage))) for stage in ("gate", "ingest"))
    table = ds.dataset(storage.local(mark["tables"]["predictions_final"])).head(5).to_pylist()
    content = {
        row["image_id"]: row["content"]
        for row in ds.dataset(storage.local(ingest["tables"]["images"])).to_table().to_pylist()
    }

    session = onnxruntime.InferenceSession(f"{storage.local(mark['folder'])}/model.onnx")

    for row in table:
        pixels = images.decode(content[row["image_id"]])
        answer = session.run(None, {session.get_inputs()[0].name: pixels[None]})[0][0]
        assert answer == pytest.approx(row["probabilities"], abs=1e-5)


def test_predict_labels_a_folder_and_names_what_is_no_image(killed_run, home, environment, tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    for i in range(20):
        pixels = (digits.images[i] * (255 / 16)).round().astype("uint8")
        (tmp_path / f"{i}.png").write_bytes(images.encode(pixels[:, :, None]))
    (tmp_path / "broken.png").write_bytes(b"no image")
    env = {**environment, "RUN": "first", "IMAGES": str(tmp_path), "RUN_ID": "labelled"}

    process = start("kindred_airflow.predict", env)
    output, _ = process.communicate(timeout=300)

    folder = home / "runs" / "predict" / "labelled"
    rows = list(csv.DictReader((folder / "predictions.csv").open()))
    rejected = list(csv.DictReader((folder / "rejected.csv").open()))
    assert process.returncode == 0, output
    assert [Path(row["origin"]).name for row in rows] == sorted(f"{i}.png" for i in range(20))
    assert sum(int(row["label"]) == digits.target[int(Path(row["origin"]).stem)] for row in rows) >= 16
    assert all(abs(sum(json.loads(row["probabilities"]).values()) - 1) < 1e-4 for row in rows)
    assert {row["none_of_these"] for row in rows} <= {"true", "false"}
    assert sum(row["none_of_these"] == "false" for row in rows) >= 16
    assert [Path(row["origin"]).name for row in rejected] == ["broken.png"]


@pytest.mark.long
def test_the_attack_is_skipped_until_its_box_is_ticked_and_then_all_that_is_done(killed_run, environment):
    before = json.loads((killed_run["folder"] / file_names.METRICS).read_text())
    conf = {**CONF, "attack": True, "attack_images": 50, "attack_queries": 100}
    env = {**environment, "CONF": json.dumps(conf), "RUN_ID": "first", "DAG": "self_training"}

    process = start("kindred_airflow.run", env)
    output, _ = process.communicate(timeout=600)

    after = json.loads((killed_run["folder"] / file_names.METRICS).read_text())
    rates = {name for name in after if re.fullmatch(r"attack/\w+/(base|final)/success_rate", name)}
    assert process.returncode == 0, output
    assert not any(name.startswith("attack/") for name in before)
    assert [stage for stage in STAGES if not after[f"{stage}/reused"]] == ["report"]  # which shows the attack now
    assert "No attack was run." not in (killed_run["folder"] / "report.html").read_text()
    assert after["attack/images"] == 50
    assert len(rates) == 6
    assert re.search(r"  attack +done in [\d.]+ s, simba_l2 fools base [\d.]+%, final", output)


def test_bad_input_fails_with_one_line(home, environment):
    conf = {"dataset": "image_folder", "path": "/no/such/folder"}
    env = {**environment, "CONF": json.dumps(conf), "RUN_ID": "bad", "DAG": "self_training"}

    process = start("kindred_airflow.run", env)
    output, _ = process.communicate(timeout=300)

    assert process.returncode == 1
    assert output.splitlines()[-1] == "kindred: no such file or folder: /no/such/folder"
    assert "Traceback" not in output


def start(module: str, env: dict[str, str], *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(find, seconds: float):
    """The first result of `find` that is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := find():
            return result
        time.sleep(0.2)
    raise TimeoutError(f"nothing within {seconds} s")


def find_victim(pid: int, stage: str, victim: str) -> psutil.Process | None:
    """A part of a stage of a run of the process `pid`: who has submitted it, its process, or Spark's driver."""
    found = {}
    for process in sockets.tree(pid):
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if "--stage" in words and stage in words and any(w.endswith("kept_driver/submit.py") for w in words):
                found["submitted"] = process
            elif any(w.endswith("kept_driver/server.py") for w in words):
                is_server = process.parent().name() == "java"
                found["driver" if process.name() == "java" else "server" if is_server else "stage"] = process
    return found.get(victim) if "submitted" in found else None


def kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
        process.kill()


def next_line(process: subprocess.Popen, pattern: str) -> str | None:
    """The group of a pattern in the next line that a server prints, if it matches."""
    match = re.search(pattern, process.stdout.readline())
    return match and match.group(1)


def call(address: str, body: dict | None, token: str | None = None) -> tuple[int, dict]:
    """The status and the JSON of an answer; `token` is Airflow's, or the whole header of another login."""
    login = token if token is None or token.startswith("Basic ") else f"Bearer {token}"
    headers = {"Content-Type": "application/json", **({"Authorization": login} if login else {})}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=60) as answer:
            return 200 if answer.status == 201 else answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        content = error.read()
        return error.code, json.loads(content) if content.startswith(b"{") else {}


def search_in_airflow(address: str, token: str, place: Path) -> int:
    """How many images the page finds inside Airflow's, for somebody who is logged in."""
    page = Page(place / "profile")
    page.call("Network.setCookie", name="_token", value=token, url=address)
    page.open(f"{address}/plugin/image-search")
    inside = "document.querySelector('iframe')?.contentDocument"
    page.wait_for(f"!!{inside}?.querySelector('#list a')")
    page.evaluate(f"{inside}.querySelector('#list a').click()")
    cards = page.wait_for(f"{inside}.querySelectorAll('article').length")
    page.close()
    return cards


def log_of_running_task(run: str, task: str, token: str) -> str | None:
    """What Airflow's page shows of a task that runs and has written something."""
    log = json.dumps(call(f"{run}/taskInstances/{task}/logs/1", None, token)[1])
    if "[kindred]" not in log or call(f"{run}/taskInstances/{task}", None, token)[1]["state"] != "running":
        return None
    return log


def is_open(path: Path) -> bool:
    """Whether other accounts have any right to a file."""
    return bool(path.stat().st_mode & 0o077)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def scores_of(figures: dict[str, float]) -> dict[str, float]:
    """What must repeat: all figures but times and what was reused."""
    return {name: v for name, v in figures.items() if not re.search(r"seconds|reused|per_second", name)}
