"""When a project's runs are due: a cron expression, or the name of one, in a time zone."""

import contextlib
import difflib
import re
import zoneinfo
from datetime import UTC, datetime, timedelta

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from kindred.runtime.errors import InputError

NONE = "none"
PRESETS = {  # as Airflow has them
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
EXAMPLE = f"write a cron expression such as '0 6 * * 1' (Mondays at 6:00), {', '.join(PRESETS)}, or {NONE}"
WORDS = set("mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec l".split())


def checked(schedule: str | None) -> str | None:
    """The schedule as it is stored; None where there is none. Raises InputError, with an example, for what is no cron
    expression of five fields, and for one that is never due.

    >>> checked(" 0 6 * *  1"), checked("@weekly"), checked("none")
    ('0 6 * * 1', '@weekly', None)
    >>> checked("every monday")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: the schedule 'every monday' is no cron expression; write a cron expression ...
    """
    text = " ".join((schedule or NONE).split())
    if text in ("", NONE):
        return None
    if text.startswith("@") and text not in PRESETS:
        raise InputError(f"unknown schedule {text!r:.100}; {EXAMPLE}")
    # croniter also takes seconds, years, and R, a time that is drawn anew each time it is read.
    words = {word.lower() for word in re.findall("[A-Za-z]+", text)}
    if text not in PRESETS and (len(text.split()) != 5 or not words <= WORDS):
        raise InputError(f"the schedule {text!r:.100} is no cron expression; {EXAMPLE}")
    try:
        croniter(PRESETS.get(text, text), datetime(2000, 1, 1)).get_next(datetime)
    except CroniterBadDateError:
        raise InputError(f"the schedule {text!r:.100} is never due; {EXAMPLE}") from None
    except (CroniterBadCronError, ValueError):
        raise InputError(f"the schedule {text!r:.100} is no cron expression; {EXAMPLE}") from None
    return text


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of this name. Raises InputError for one that there is not.

    >>> zone("Berlin")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: unknown time zone 'Berlin'; did you mean 'Europe/Berlin'?
    """
    with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo(name)
    known = zoneinfo.available_timezones()
    places = sorted(each for each in known if each.rpartition("/")[2].lower() == name.lower().replace(" ", "_"))
    near = places or difflib.get_close_matches(name, sorted(known), 1)
    advice = f"did you mean {near[-1]!r}?" if near else "such as UTC or Europe/Berlin"
    raise InputError(f"unknown time zone {name!r:.100}; {advice}")


def next_time(schedule: str, time_zone: str, now: datetime) -> datetime:
    """When a schedule is due next after `now`, in its time zone.

    >>> next_time("@weekly", "Asia/Tokyo", datetime(2026, 11, 29, 12, tzinfo=UTC)).isoformat()
    '2026-12-06T00:00:00+09:00'
    """
    place, expression = zone(time_zone), PRESETS.get(schedule, schedule)
    here = now.astimezone(place)
    wall = croniter(expression, here.replace(tzinfo=None)).get_next(datetime)
    if expression.split()[1] != "*":
        # A time that a clock skips is taken as before the jump: through UTC, it becomes one that there is.
        return wall.replace(tzinfo=place).astimezone(UTC).astimezone(place)
    step: timedelta = wall - here.replace(tzinfo=None)  # an hour that comes twice has its runs twice
    return (now + step).astimezone(place)
