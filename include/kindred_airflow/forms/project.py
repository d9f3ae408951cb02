"""The fields that make a project of the form of self-training."""

from airflow.sdk import Param

from kindred.runtime import projects

PROJECT = {
    "name": Param(
        "",
        type="string",
        pattern=rf"^{projects.NAME.pattern}$",
        title="Name of the project",
        description="Its pipeline is named retrain_ and this name. A project of this name is replaced.",
    ),
    "schedule": Param(
        projects.FORM["schedule"],
        type=["null", "string"],
        title="Schedule",
        description="When it is retrained: a cron expression such as 0 6 * * 1 (Mondays at 6:00), @hourly, @daily, "
        "@weekly, @monthly, @quarterly or @yearly. Empty: whenever a person triggers it.",
    ),
    "time_zone": Param(
        projects.FORM["time_zone"],
        type="string",
        minLength=1,
        title="Time zone",
        description="In which the schedule is meant, such as Europe/Berlin; also over changes of the clock.",
    ),
}
