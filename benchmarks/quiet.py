"""The machine that figures are from, and whether it is quiet: beside the work of others a ratio of two times says
nothing, as what waits less for the processor, or uses both cores, loses less.
"""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindred.runtime import cpu

MAX_LOAD_PER_CORE = 0.25  # processes that run, on average of the minute before a benchmark starts
MAX_STEAL = 0.01  # share of the processor's time that other virtual machines take meanwhile
RATIO = re.compile(r"(^|/)(ratio|speed_up)")  # in the name of a figure, or of a column
STAT, CPUINFO = Path("/proc/stat"), Path("/proc/cpuinfo")  # of Linux
STEAL = 7  # its place among the times of a line of /proc/stat


@dataclass(frozen=True)
class Machine:
    """The processor, the threads that it gives this process, the load before the start, and the share stolen since.

    >>> Machine("a processor", 2, 0.1, 0.0).flaw()
    ''
    >>> Machine("a processor", 2, 3.0, 0.0).flaw()
    'the load was 3.00 before the start, the limit is 0.50'
    """

    processor: str
    threads: int
    load: float
    steal: float

    def flaw(self) -> str:
        """Why the machine is not quiet; empty where it is."""
        limit = MAX_LOAD_PER_CORE * self.threads
        if self.load > limit:
            return f"the load was {self.load:.2f} before the start, the limit is {limit:.2f}"
        if self.steal > MAX_STEAL:
            return f"{self.steal:.1%} of the processor's time was stolen, the limit is {MAX_STEAL:.0%}"
        return ""

    def line(self) -> str:
        """For a person."""
        quiet = "not quiet" if self.flaw() else "quiet"
        return f"{self.processor}, {self.threads} threads, load {self.load:.2f}, stolen {self.steal:.1%}: {quiet}"

    def figures(self) -> dict[str, Any]:
        """For a JSON file."""
        facts = {"processor": self.processor, "threads": self.threads, "load": self.load, "steal": self.steal}
        return {f"machine/{name}": value for name, value in {**facts, "quiet": int(not self.flaw())}.items()}


class Watch:
    """Looks at the machine when it is made, before a benchmark's work, and again at its end."""

    def __init__(self) -> None:
        self._load, self._times = os.getloadavg()[0], _times()

    def machine(self) -> Machine:
        """What it was from then to now."""
        spent = [now - before for now, before in zip(_times(), self._times, strict=True)]
        steal = spent[STEAL] / max(sum(spent), 1) if len(spent) > STEAL else 0.0
        return Machine(processor(), cpu.cores(), self._load, steal)


def is_ratio(name: str) -> bool:
    """Whether a figure or a column of this name is a ratio of times.

    >>> is_ratio("search/one_thread/ratio_to_faiss_flat"), is_ratio("scale/ingest/seconds")
    (True, False)
    """
    return RATIO.search(name) is not None


def processor() -> str:
    """The name of the processor's model."""
    names = re.findall(r"^model name\s*:\s*(.+)$", CPUINFO.read_text(), re.M) if CPUINFO.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def _times() -> list[int]:
    """The time of all processors by what they did with it, without that of guests, which is in the user's already."""
    if not STAT.exists():
        return []
    return [int(value) for value in STAT.read_text().split("\n", 1)[0].split()[1 : STEAL + 2]]
