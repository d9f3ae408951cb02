"""A finished run challenges the one that is served."""

import numpy as np
import pytest

from kindred.evaluation import challenge, challenged_runs
from kindred.evaluation.challenged_runs import Compared
from kindred.runtime import file_names, kept_runs, storage
from kindred.runtime.errors import InputError
from kindred.serving import champion, history, promotion

FIRST, SECOND = "self_training/first", "self_training/second"
LABELS = np.tile([0, 1], 200)


def challenged(champion_wrong: int, challenger_wrong: int) -> Compared:
    """Two models on 400 images, of which each has so many wrong."""
    models = []
    for wrong in (champion_wrong, challenger_wrong):
        said = np.where(np.arange(400) < wrong, 1 - LABELS, LABELS)
        models.append(np.where(np.eye(2)[said] == 1, 0.8, 0.2))
    return Compared(challenge.of_labels(LABELS, *models, ["cat", "dog"]))


@pytest.fixture
def opened(finished, aliases):
    """Makes finished runs that have a run.json."""

    def make(name: str) -> str:
        run = finished(name)
        storage.put_json(f"{run}/{file_names.RUN}", {"params": {}})
        return run

    return make


def test_the_first_run_is_promoted_and_that_there_was_none_is_said(opened, messages) -> None:
    for rule in ("no_worse", "must_gain"):
        promotion.promote(opened("first"), messages.append, rule)

    assert messages == ["nothing to compare, no run is served yet", "it is the run that is served"]
    assert [entry["rule"] for entry in history.entries()] == ["no_worse", "must_gain"]


def test_who_is_better_is_promoted_with_the_figures_in_the_history(opened, messages, monkeypatch) -> None:
    champion.promote(opened("first"))
    monkeypatch.setattr(challenged_runs, "compare", lambda *_: challenged(40, 20))

    promotion.promote(opened("second"), messages.append, "must_gain", "more labels", "ada")

    entry = history.entries()[-1]
    assert (entry["from"], entry["to"], entry["who"], entry["reason"]) == (FIRST, SECOND, "ada", "more labels")
    assert entry["figures"]["challenge"]["scores"]["accuracy"]["difference"] == pytest.approx(0.05)
    assert entry["figures"]["challenge"]["images"] == 400
    assert messages[0].startswith(f"with {FIRST}: accuracy +0.0500 (")


def test_who_is_worse_is_refused_in_a_line_and_a_reason_forces_it(opened, messages, monkeypatch) -> None:
    champion.promote(opened("first"))
    worse = opened("second")
    monkeypatch.setattr(challenged_runs, "compare", lambda *_: challenged(0, 40))

    with pytest.raises(InputError, match=r"accuracy -0.1000 \(.*\): worse; .*; on 400 test images;") as refusal:
        promotion.promote(worse, messages.append)
    with pytest.raises(InputError, match="it needs a reason: REASON=..."):
        promotion.promote(worse, messages.append, "always")

    assert str(refusal.value).startswith(f"{SECOND} is not promoted (rule no_worse, champion {FIRST}): ")
    assert str(refusal.value).endswith("`make promote RUN=second RULE=always REASON=...` promotes it all the same")
    assert "\n" not in str(refusal.value)
    assert (kept_runs.pointer() or {})["name"] == FIRST
    promotion.promote(worse, messages.append, "always", "the camera is new")
    assert (kept_runs.pointer() or {})["name"] == SECOND
    assert history.entries()[-1]["figures"]["challenge"]["scores"]["accuracy"]["difference"] == pytest.approx(-0.1)


def test_never_only_compares(opened, messages, monkeypatch) -> None:
    champion.promote(opened("first"))
    monkeypatch.setattr(challenged_runs, "compare", lambda *_: challenged(40, 20))

    with pytest.raises(InputError, match=r"the rule is never: accuracy \+0.0500"):
        promotion.promote(opened("second"), messages.append, "never")

    assert len(history.entries()) == 1


def test_without_an_image_in_common_no_worse_promotes_and_must_gain_does_not(opened, messages, monkeypatch) -> None:
    champion.promote(opened("first"))
    monkeypatch.setattr(challenged_runs, "compare", lambda *_: Compared(None, "no test image in common"))
    second = opened("second")

    with pytest.raises(InputError, match="nothing to compare, no test image in common; `make promote RUN=second"):
        promotion.promote(second, messages.append, "must_gain")
    promotion.promote(second, messages.append)

    assert messages == ["nothing to compare, no test image in common"]
    assert history.entries()[-1]["figures"]["challenge"] == {"why_not": "no test image in common"}


def test_tables_that_cannot_be_read_refuse_but_for_always(opened, messages, monkeypatch) -> None:
    champion.promote(opened("first"))
    second = opened("second")

    def broken(*_: str) -> Compared:
        raise InputError("'truth' is not whole")

    monkeypatch.setattr(challenged_runs, "compare", broken)

    with pytest.raises(InputError, match="^'truth' is not whole$"):
        promotion.promote(second, messages.append)
    promotion.promote(second, messages.append, "always", "it is known to be good")

    assert (kept_runs.pointer() or {})["name"] == SECOND


def test_a_champion_whose_folder_is_gone_cannot_be_compared(opened, messages) -> None:
    first = opened("first")
    champion.promote(first)
    storage.delete(first)

    promotion.promote(opened("second"), messages.append)

    assert messages == [f"nothing to compare, {FIRST} is not here any more"]


def test_an_unknown_rule_is_refused_before_anything_else(data, messages) -> None:
    with pytest.raises(InputError, match="unknown RULE 'better'; known: no_worse, must_gain, never, always"):
        promotion.promote("file:///nowhere", messages.append, "better")
