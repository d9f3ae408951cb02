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
}
