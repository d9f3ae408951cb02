"""How long counted work will still take: nothing before it is worth something, then the rate of the last part."""

from kindred.runtime.durations import Countdown, seconds_left


def test_nothing_is_estimated_from_the_first_count_or_the_first_seconds() -> None:
    assert seconds_left([], 100, now=3) is None
    assert seconds_left([(10, 50)], 100, now=12) is None
    assert seconds_left([(1, 10), (2, 20)], 100, now=2) is None


def test_the_rate_is_that_of_the_last_part() -> None:
    slow_start = [(100, 10), (120, 210), (140, 410)]  # 10 in the first 100 seconds, then 10 a second

    assert seconds_left(slow_start, 1010, now=140) == 60


def test_the_time_since_the_last_count_is_subtracted_and_nothing_is_left_at_the_end() -> None:
    course = [(10, 100), (20, 200)]

    assert seconds_left(course, 300, now=26) == 4
    assert seconds_left(course, 300, now=90) == 0
    assert seconds_left([*course, (30, 300)], 300, now=30) == 0


def test_the_text_falls_while_the_rate_wavers_and_rises_only_where_it_halves() -> None:
    countdown, texts = Countdown(1000), []
    for now, done in ((10, 100), (20, 200), (30, 280), (40, 360), (50, 470), (52, 470), (60, 560)):
        texts.append(countdown.left(now, done))

    seconds = [int(text.removeprefix(", ").removesuffix(" s left")) for text in texts[1:]]
    assert texts[0] == ""
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] == 80
    assert 40 <= seconds[-1] <= 45
    assert countdown.left(160, 580) != texts[-1]
    assert "min left" in countdown.left(260, 600)
