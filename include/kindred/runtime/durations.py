"""Durations in words, and how long counted work will still take."""

from collections.abc import Sequence

MIN_SECONDS = 5.0  # of counted work, before its rate is worth something
RECENT_SHARE = 0.5  # of the time so far: the rate is that of this last part
LONGER = 1.5  # an estimate that rises by less than this factor is not shown: the one before counts down


def text(seconds: float) -> str:
    """A duration, in two units at most.

    >>> [text(seconds) for seconds in (0.04, 9.96, 75, 3599.6, 7260)]
    ['0.0 s', '10 s', '75 s', '60 min', '2 h 1 min']
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    large, small, units = (*divmod(whole, 60), ("min", "s"))
    if whole >= 7200:
        large, small, units = (*divmod(round(whole / 60), 60), ("h", "min"))
    return f"{large} {units[0]}" + (f" {small} {units[1]}" if small else "")


def seconds_left(course: Sequence[tuple[float, float]], total: float, now: float) -> float | None:
    """How long the rest of some work takes at the rate of the last part; None as long as that is not known.

    `course` is (seconds, done) for each moment at which more was done, oldest first; `now` is in the same seconds.

    >>> seconds_left([(10, 100), (20, 200), (30, 300)], total=500, now=32)
    18.0
    >>> seconds_left([(10, 100)], total=500, now=12)
    """
    if len(course) < 2:
        return None
    last, done = course[-1]
    recent = [point for point in course[:-1] if point[0] >= last - RECENT_SHARE * last] or [course[-2]]
    since, before = recent[0]
    if last - since <= 0 or last - course[0][0] < MIN_SECONDS:
        return None
    rate = (done - before) / (last - since)
    return max(0.0, (total - done) / rate - (now - last)) if rate > 0 else None


class Countdown:
    """The text for what is left of `total`, which falls steadily: it rises only where the work has slowed down much."""

    def __init__(self, total: float) -> None:
        self._total = total
        self._course: list[tuple[float, float]] = []
        self._end: float | None = None  # the moment at which the text says that the work is done

    def left(self, now: float, done: float) -> str:
        """`, 40 s left`, at `now` seconds after the start; empty as long as that is not known.

        >>> countdown = Countdown(1000)
        >>> [countdown.left(10.0 * n, 100 * n) for n in range(1, 4)]
        ['', ', 80 s left', ', 70 s left']
        """
        if done > (self._course[-1][1] if self._course else 0):
            self._course.append((now, done))
        seconds = seconds_left(self._course, self._total, now)
        if seconds is None:
            return ""
        shown = None if self._end is None else max(self._end - now, 0)
        if shown is None or seconds < shown or seconds > LONGER * shown + MIN_SECONDS:
            self._end = now + seconds
            shown = seconds
        return f", {rounded(shown)} left"


def rounded(seconds: float) -> str:
    """A duration as exact as an estimate can be.

    >>> [rounded(seconds) for seconds in (2, 38, 94, 200, 4000)]
    ['5 s', '40 s', '90 s', '3 min', '70 min']
    """
    step = 5 if seconds < 60 else 10 if seconds < 120 else 60 if seconds < 1800 else 600
    whole = max(step, step * round(seconds / step))
    return text(whole) if whole >= 10 else f"{whole} s"
