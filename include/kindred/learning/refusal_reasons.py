"""Why an unlabelled image gets no pseudo-label: what the column `reason` of the table `refused` holds."""

BEYOND_QUOTA = "not among the surest of the quota"  # of several labels an image
BELOW_THRESHOLD = "below the threshold"
NO_PREDICTION = "the labeller has no opinion"
OUT_OF_DISTRIBUTION = "out of distribution"

_FORMER = {"of no known class": OUT_OF_DISTRIBUTION}  # former text in saved runs: today's


def current(reason: str) -> str:
    """The reason in the words of today, from a run of any version.

    >>> current("of no known class")
    'out of distribution'
    """
    return _FORMER.get(reason, reason)
