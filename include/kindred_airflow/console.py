"""The console of `make run`: what matters of Airflow's log, as it comes."""

import re
import time

from kindred.runtime import log_lines
from kindred_airflow.screen import Screen

ERROR = re.compile(r"^(?:[\w.]*\.)?\w*(?:Error|Exception|NotFound|Invalid\w*): (.+)")  # the last line of a stack
LOGGER_SUFFIX = re.compile(r"\s*(\{spark_submit|\[(?:airflow|kindred)|source=|loc=|chan=).*$")  # what Airflow adds
PLAIN_SECONDS = 10.0  # between two progress lines where the console is a file


class Console:
    """Prints the lines of a log that are for people. A failure is printed once something follows it (a next try,
    another task): of the last one, the end of the run says more.
    """

    def __init__(self, screen: Screen | None = None) -> None:
        self.error = ""  # the last one that Airflow has logged
        self.failures: list[tuple[str, str]] = []  # stage and reason, not yet printed
        self._screen = screen or Screen()
        self._printed_progress = -PLAIN_SECONDS

    def show(self, logged: str) -> None:
        """Look at one line of the log."""
        line = log_lines.parse(logged)
        if line is None:
            if match := ERROR.match(logged.strip()):
                self.error = match.group(1)
            return
        text = LOGGER_SUFFIX.sub("", line.text).rstrip()
        if line.failed:
            self.failures.append((line.stage, text))
            return
        for stage, reason in self.failures:
            self.print_line(stage, f"failed: {reason}")
        self.failures.clear()
        if text.startswith(log_lines.PROGRESS):
            self._progress(line.stage, text.removeprefix(log_lines.PROGRESS))
        else:
            self.print_line(line.stage, text)

    def print_line(self, stage: str, text: str) -> None:
        """One line about a stage, or about what is waited for before the first one."""
        self._screen.line(f"  {stage:14} {text}", waiting_for=f"  {stage:14} ...")

    def _progress(self, stage: str, text: str) -> None:
        if self._screen.terminal:
            self._screen.overwritten(f"  {stage:14} {text}")
        elif time.monotonic() - self._printed_progress > PLAIN_SECONDS:
            self._printed_progress = time.monotonic()
            self.print_line(stage, f"{log_lines.PROGRESS}{text}")
