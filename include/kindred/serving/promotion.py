"""A finished run challenges the one that is served, and is promoted where a rule allows it."""

from collections.abc import Callable
from typing import Any

from kindred.evaluation import challenge, challenged_runs
from kindred.evaluation.challenge import Decision
from kindred.evaluation.challenged_runs import Compared
from kindred.runtime import addresses, kept_runs, runs, storage
from kindred.runtime.errors import InputError
from kindred.serving import champion
from kindred.serving.history import Cause


def promote(
    run: str, say: Callable[[str], None], rule: str = challenge.NO_WORSE, reason: str = "", who: str | None = None
) -> dict[str, Any]:
    """Serve a finished run, given by the URI of its folder, if one of `challenge.RULES` allows it against the run that
    is served: the pointer. `say` gets what was compared, in a line.

    Raises InputError where the rule refuses, with the figures, and as `champion.promote` does; then nothing changes.
    """
    challenge.check(rule)
    if rule == challenge.ALWAYS and not reason.strip():
        raise InputError("the rule always promotes whatever the figures say, so it needs a reason: REASON=...")
    champion.check_finished(run)
    served = _served()
    try:
        compared = _compare(served, run)
    except InputError as error:
        if rule != challenge.ALWAYS:
            raise
        compared = Compared(None, str(error))
    decision = _decision(served, compared, run, rule)
    if not decision.promoted:
        refused = f"{runs.name_of(run)} is not promoted (rule {rule}, champion {served.get('name', 'none')})"
        forced = f"`make promote RUN={runs.short_name(run)} RULE=always REASON=...` promotes it all the same"
        raise InputError(f"{refused}: {decision.reason}; {forced}")
    say(f"with {served['name']}: {decision.reason}" if compared.challenge else decision.reason)
    figures = compared.challenge.figures() if compared.challenge else {"why_not": compared.why_not}
    return champion.promote(run, Cause(who, reason, rule, figures), served.get("name", ""))


def _served() -> dict[str, Any]:
    """The pointer to what is served; empty where nothing is, or a broken file does not say what."""
    try:
        return kept_runs.pointer() or {}
    except storage.UnreadableError:
        return {}


def _compare(served: dict[str, Any], run: str) -> Compared:
    if not served.get("name"):
        return Compared(None, "no run is served yet")
    if served["name"] == runs.name_of(run):
        return Compared(None, "it is the run that is served")
    of_champion = addresses.from_data(served["run"])
    if runs.record_of(of_champion) is None:
        return Compared(None, f"{served['name']} is not here any more")
    return challenged_runs.compare(of_champion, run)


def _decision(served: dict[str, Any], compared: Compared, run: str, rule: str) -> Decision:
    if compared.challenge is not None:
        return challenge.decide(compared.challenge, rule)
    if rule == challenge.MUST_GAIN and served.get("name") in (None, runs.name_of(run)):
        return Decision(True, compared.why_not)  # there is none to gain on
    return challenge.decide_without(rule, compared.why_not)
