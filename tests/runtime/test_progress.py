"""The lines about Spark's work: counts that never fall, and a new pass said as such."""

from kindred.runtime.progress import Passes, Report


def test_the_share_of_a_pass_never_falls_also_where_spark_adds_tasks_to_it() -> None:
    passes = Passes()

    shares = [passes.see(active) for active in ([(1, 3, 4)], [(1, 4, 4), (2, 0, 4)], [(2, 2, 4)])]

    assert shares == [(1, 0.75), (1, 0.75), (1, 0.75)]


def test_a_pass_begins_where_none_of_its_stages_has_been_seen() -> None:
    passes = Passes()

    assert [passes.see([(stage, 1, 2)]) for stage in (4, 4, 7, 9)] == [(1, 0.5), (1, 0.5), (2, 0.5), (3, 0.5)]


def test_a_line_has_the_time_left_once_it_is_known() -> None:
    report = Report(5000)

    lines = [report.line(10.0 * n, 1, 0.1 * n) for n in range(1, 4)]

    assert lines == [
        "... 500 of 5,000 images",
        "... 1,000 of 5,000 images, 80 s left",
        "... 1,500 of 5,000 images, 70 s left",
    ]


def test_without_a_number_of_images_a_line_has_the_share() -> None:
    assert [Report(None).line(4, 1, share) for share in (0.0, 0.25)] == ["", "... 25%"]
