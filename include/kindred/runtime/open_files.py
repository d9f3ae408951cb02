"""How many files this process may have open at a time."""

import resource

from kindred.runtime.errors import InputError

SPARE = 512  # for all else: libraries, sockets, logs, another index
MAX_LIMIT = 2**20  # no more is asked for where the system has no limit


def allow(count: int, place: str) -> None:
    """Raise the limit as far as the system lets a process, usually from 1,024. Raises InputError where it is too low
    for the `count` files of `place`.
    """
    limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MAX_LIMIT if highest == resource.RLIM_INFINITY else min(highest, MAX_LIMIT)
    if limit != resource.RLIM_INFINITY and limit < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, highest))
        limit = allowed
    if limit != resource.RLIM_INFINITY and count + SPARE > limit:
        raise InputError(
            f"{place} has {count:,} files that must be open at a time, and this account may open {limit:,}: raise the "
            f"limit (ulimit -Hn, nofile in limits.conf, LimitNOFILE in systemd) to {count + SPARE:,}"
        )
