"""The fields that name a run: one that is made, or one that has finished."""

from airflow.sdk import Param

RUN = {
    "run_name": Param(
        None,
        type=["null", "string"],
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,119})?$",
        title="Name of this run",
        description="Names the run's folder and its MLflow run, and is what the other pipelines ask for: letters, "
        "digits, '.', '_' and '-'. Empty: Airflow's run id. The name of an earlier run resumes that run: stages that "
        "finished with the same values are skipped.",
    ),
}

PREDICT = {
    "run": Param(
        "",
        type="string",
        minLength=1,
        title="Finished run",
        description="Finished run whose final model is used: its name, DAG/name, or the URI of its folder.",
    ),
    "images": Param(
        "", type="string", minLength=1, title="Images", description="Folder of images; subfolders are included."
    ),
}

PROMOTE = {
    "run": Param(
        "",
        type="string",
        minLength=1,
        title="Finished run",
        description="Finished run to serve: its name, DAG/name, or the URI of its folder.",
    ),
    "rule": Param(
        "no_worse",
        type="string",
        enum=["no_worse", "must_gain", "never", "always"],
        title="Rule",
        description="What the run has to show against the one that is served, on test images that neither has learned "
        "from. no_worse: accuracy is not more than a point lower, by its interval, and no class's recall is lost. "
        "must_gain: accuracy is higher too, by its interval. never: only compares. always: no matter what, with a "
        "reason.",
    ),
    "reason": Param(
        "", type=["null", "string"], title="Reason", description="Why it is promoted; the history keeps it."
    ),
}
