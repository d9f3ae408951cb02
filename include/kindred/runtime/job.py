"""A Spark job's command line, and what happens around its work: skip what is done, commit, keep the outcome.

A job is a function `main(s, *, argument, ...) -> str` that `run` calls with its `Stage`. Its keyword arguments are the
job's command line (`--argument JSON`), required unless they have a default; what it returns is the key figure for the
console.
"""

import argparse
import inspect
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from kindred.runtime import attempts, durations, log_lines, marks, outcomes, root_causes, storage
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import MARK
from kindred.runtime.outcomes import Outcome
from kindred.runtime.stage import Stage

log = logging.getLogger("kindred")
BAD_INPUT = 2  # exit status: trying again will not help


def run(main: Callable[..., str], home: Callable[..., str] | None = None) -> None:
    """Run a job from its command line: skip what is done, else do it and commit it; exits 0 only then.

    `home(s, **arguments)` names the folder of work that runs share (a dataset, its features); without it, the work
    belongs to the run. Bad input ends in one line and status 2, anything else in one line, its stack and status 1. With
    `--try-id` the outcome is also kept in the stage's folder, under that id.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    arguments = [p for p in inspect.signature(main).parameters.values() if p.kind is p.KEYWORD_ONLY]
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__, allow_abbrev=False)
    parser.add_argument("--run-uri", required=True, help="URI of the run's folder")
    parser.add_argument("--stage", required=True, help="name of the stage")
    parser.add_argument("--try-id", help="keep the outcome in the stage's folder, under this id")
    for p in arguments:
        rule: dict[str, Any] = {"required": True} if p.default is p.empty else {"default": argparse.SUPPRESS}
        parser.add_argument(f"--{p.name}", type=json.loads, help="a JSON value", **rule)
    values = vars(parser.parse_args())
    folder, stage, try_id = (values.pop(name) for name in ("run_uri", "stage", "try_id"))
    started = time.time()
    try:
        mark = execute(main, home, Stage(stage, folder, values), started)
        status = outcomes.REUSED if mark["figures"][f"{stage}/reused"] else outcomes.DONE
        _keep_outcome(folder, stage, Outcome(status, mark["summary"]), try_id)
    except BaseException as error:
        line, code = explain(error)
        if code != BAD_INPUT:
            log.error("%s", traceback.format_exc())
        log.error("%s", log_lines.failure(stage, line))
        sys.stdout.flush()
        _keep_outcome(folder, stage, Outcome(outcomes.FAILED, line, retry=code != BAD_INPUT), try_id)
        sys.exit(code)


def execute(main: Callable[..., str], home: Callable[..., str] | None, s: Stage, started: float) -> dict[str, Any]:
    """Do the stage, or find it done; the mark that stands in the run's folder afterwards."""
    log.info("%s started", s.name)  # for the log: the task has said more, before Spark was there
    own = storage.join(s.run, s.name)
    if home is not None:
        s.home = home(s, **s.arguments)
    done = _done(s)
    _sweep(s)
    if done is not None:
        done = _reuse(s, done)
    if done is None:
        with attempts.at_work(s.home, s.attempt):
            summary = main(s, **s.arguments)
            seconds = time.time() - started
            mark = s.mark(seconds, summary)
        done = marks.commit(s.home, mark)
        if done["attempt"] != s.attempt:
            storage.delete(s.folder)
            if not marks.same_work(done, mark):
                raise InputError(f"a later try of {s.name!r} with other arguments stands in {storage.local(s.home)}")
            s.say(f"attempt {s.attempt} comes second and is deleted; {done['attempt']} did the same work and stands")
        s.say(f"done in {durations.text(seconds)}, {summary}")
        if s.home != own:
            marks.put(own, done)
    return done


def _reuse(s: Stage, done: dict[str, Any]) -> dict[str, Any] | None:
    """Put the mark of finished work into the run's folder: as it is then, or None where what runs share was deleted in
    the meantime. Who deletes that takes its mark away first, and looks at the marks of runs then: see `pruning.py`.
    """
    mark = reused(done)
    marks.put(storage.join(s.run, s.name), mark)
    if storage.find_bytes(storage.join(s.home, MARK)) is None:
        s.say("what was to be reused has just been deleted: made again")
        return None
    s.say(f"reused ({done['summary']})")
    return mark


def _sweep(s: Stage) -> None:
    """Delete what earlier tries have left; where that fails, it stays and nothing else does."""
    try:
        swept = attempts.sweep(s.home, s.run, s.name)
    except Exception as error:
        s.say(f"what earlier tries left could not be deleted: {error}")
        return
    if swept:
        s.say(f"deleted what {len(swept)} ended tries had left")


def reused(mark: dict[str, Any]) -> dict[str, Any]:
    """The mark of finished work as another run, or another try, reuses it: the same figures, marked as reused."""
    return {**mark, "figures": {**mark["figures"], f"{mark['stage']}/reused": 1}}


def explain(error: BaseException) -> tuple[str, int]:
    """One line for a person, and the exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    if isinstance(error, InputError):
        return str(error), BAD_INPUT
    if isinstance(error, SystemExit):
        return f"ended with status {error.code}", error.code if error.code and isinstance(error.code, int) else 1
    if match := re.search(
        r"kindred\.(?:runtime\.)?errors\.(?:InputError|Refused): (.+)", str(error)
    ):  # raised in a Spark worker
        return match.group(1), BAD_INPUT
    if match := re.search(r"PYTHON_VERSION_MISMATCH\] (.+?), PySpark cannot run", str(error)):
        return f"{match.group(1)}; fix PYSPARK_PYTHON", BAD_INPUT
    if getattr(error, "errno", None) in storage.DISK_FULL or "No space left on device" in str(error):
        return (
            "no space is left on a disk; make room, or fix KINDRED_DATA, KINDRED_CACHE or SPARK_LOCAL_DIRS",
            BAD_INPUT,
        )
    return f"{root_causes.line_of(error)} (the stack is in the log)", 1


def _keep_outcome(folder: str, stage: str, outcome: Outcome, try_id: str | None) -> None:
    """Keep the outcome for the task that waits for it. Where that fails (the store may be what is broken), the exit
    status has to do, and the log says so.
    """
    if try_id is None:
        return
    try:
        outcomes.put(folder, stage, outcome._replace(try_id=try_id))
    except Exception as error:
        log.error("%s", log_lines.progress(stage, f"the outcome could not be kept: {error}"))


def _done(s: Stage) -> dict[str, Any] | None:
    """The mark of the same work, already done: by this run, or for a shared folder by any."""
    mark = marks.find_whole(s.home, s.say)
    if mark is None or mark["arguments"] != s.arguments:
        return None
    now = {stage: (marks.mark_of(storage.join(s.run, stage)) or {}).get("attempt") for stage in mark["inputs"]}
    return mark if now == mark["inputs"] else None
