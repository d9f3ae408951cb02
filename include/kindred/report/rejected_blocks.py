"""Which files were left out, and why."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from kindred.data.origins import path
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


def counted_files(rejected: pa.Table) -> RejectedFiles:
    """From the rows of the table `rejected` in their order; a reason is counted without what is particular to a file.

    >>> rows = pa.table({"origin": ["a", "b"], "split": ["train"] * 2, "reason": ["too big: 9", "too big: 8"]})
    >>> counted_files(rows).reasons.to_numpy().tolist()
    [['too big', 2]]
    """
    kinds = pd.Series(rejected["reason"].to_pylist(), dtype=object).str.split(": ", n=1).str[0]
    reasons = kinds.value_counts().rename_axis("reason").reset_index(name="files")
    first = rejected.select(["origin", "split", "reason"]).slice(0, MAX_FILES).to_pandas()
    ordered = reasons.sort_values(["files", "reason"], ascending=[False, True])
    return RejectedFiles(ordered, first.assign(origin=first["origin"].map(path)))


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
