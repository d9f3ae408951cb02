"""How many pseudo-labels are right: counted where the truth is known, estimated where it is not."""


def sentence(figures: dict[str, float]) -> str:
    """From the figures of a run; empty where neither is known.

    >>> sentence({"pseudo/count": 50, "pseudo/known": 50, "pseudo/precision": 0.9})
    '90.0% of the pseudo-labels are right (of 50 whose truth is known).'
    """
    parts = []
    if "pseudo/precision" in figures:
        known = f"{figures['pseudo/known']:,.0f} whose truth is known"
        parts.append(f"{figures['pseudo/precision']:.1%} of the pseudo-labels are right (of {known}).")
    if "pseudo/estimated_precision" in figures and figures.get("pseudo/known", 0) < figures["pseudo/count"]:
        share, low, high = (figures[f"pseudo/estimated_precision{end}"] for end in ("", "_low", "_high"))
        parts.append(
            f"An estimated {share:.1%} of {'all' if parts else 'the pseudo-labels'} are right (95 % interval {low:.1%} "
            f"to {high:.1%}): {'not all their' if parts else 'their'} truth is {'' if parts else 'not '}known, so this "
            "is the mean of their calibrated probabilities, corrected by its error on given labels that the model had "
            "not seen. It holds for images of the same kind as the given ones."
        )
    return " ".join(parts)
