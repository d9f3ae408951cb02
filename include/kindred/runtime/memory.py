"""The memory that this process may use."""

import os
from pathlib import Path

CONTROL_GROUPS = (  # where a container's limit stands
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def total() -> int:
    """Bytes: the machine's, or the container's limit where that is lower."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text().strip() for path in CONTROL_GROUPS if path.is_file()]
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])
