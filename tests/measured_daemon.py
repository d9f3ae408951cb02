"""PySpark's daemon, whose workers store what coverage measures after each task: they do not end, but are killed."""

from coverage import Coverage
from pyspark import daemon

work = daemon.worker


def measured(*arguments: object) -> int:
    code = work(*arguments)
    if measuring := Coverage.current():
        measuring.save()
    return code


if __name__ == "__main__":
    daemon.worker = measured
    daemon.manager()
