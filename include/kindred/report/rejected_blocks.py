"""Which files were left out, and why."""

from dataclasses import dataclass

import pandas as pd

from kindred.report.blocks import Block, Table, Text, counted
from kindred.runtime import file_names

MAX_FILES = 40  # that the page lists; the run's folder has all of them as a CSV
MAX_REASONS = 40


@dataclass(frozen=True)
class RejectedFiles:
    """How many files were left out for which reason (columns reason, files), and the first MAX_FILES of them: origin,
    split, reason.
    """

    reasons: pd.DataFrame
    first: pd.DataFrame

    @property
    def count(self) -> int:
        return int(self.reasons["files"].sum())


def blocks(rejected: RejectedFiles) -> list[Block]:
    """A sentence, the counts by reason, and the first files."""
    if not rejected.count:
        return [Text("No file was left out.")]
    text = f"{counted(rejected.count, 'file was', 'files were')} left out; {file_names.REJECTED} in the run's folder "
    others = rejected.count - len(rejected.first)
    listed = f"The first {len(rejected.first)} of {rejected.count:,} files" if others else "The files"
    caption = f"{listed} that were left out; {file_names.REJECTED} in the run's folder has all of them."
    return [
        Text(f"{text}lists each with its reason."),
        Table("rejected-reasons", "Why files were left out.", rejected.reasons.head(MAX_REASONS), open=True),
        Table("rejected", caption, rejected.first),
    ]
