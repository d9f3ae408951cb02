"""Schedules: which texts are some, and when they are due."""

from datetime import UTC, datetime

import pytest

from kindred.runtime import schedules
from kindred.runtime.errors import InputError


@pytest.mark.parametrize("text", ["0 6 * * 1", "*/5 * * * *", "0 0 1 */3 *", "30 4 L * mon-FRI", *schedules.PRESETS])
def test_cron_expressions_and_presets_are_schedules(text: str) -> None:
    assert schedules.checked(text) == text


@pytest.mark.parametrize("text", [None, "", "  ", "none"])
def test_a_schedule_may_be_none(text: str | None) -> None:
    assert schedules.checked(text) is None


@pytest.mark.parametrize(
    "text",
    ["monday", "0 6 * *", "61 * * * *", "0 6 * * 1 0", "R * * * *", "H * * * *", "@once", "@continuous", "0 0 31 2 *"],
)
def test_any_other_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"such as '0 6 \* \* 1' \(Mondays at 6:00\), @hourly, .* or none$"):
        schedules.checked(text)


@pytest.mark.parametrize("name", ["Berlin", "europe/berlin", "Mars/Base", "../../etc/passwd", "", "/etc", "x" * 3000])
def test_a_time_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="unknown time zone"):
        schedules.zone(name)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("0 6 * * *", "2026-07-01T03:00", "2026-07-01T04:00"),  # 6:00 in summer
        ("0 6 * * *", "2026-12-01T03:00", "2026-12-01T05:00"),  # and in winter
        ("30 2 * * *", "2026-03-29T00:00", "2026-03-29T01:30"),  # a time that the clock skips
        ("30 * * * *", "2026-10-25T00:30", "2026-10-25T01:30"),  # an hour that comes twice, twice
        ("@weekly", "2026-11-29T12:00", "2026-12-05T23:00"),
    ],
)
def test_a_schedule_is_due_by_the_clock_of_its_time_zone(schedule: str, now: str, due: str) -> None:
    found = schedules.next_time(schedule, "Europe/Berlin", datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") == due
