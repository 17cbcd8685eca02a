"""Every mutant can still be made of the package as it is, and is still a program."""

import shutil
from pathlib import Path

import pytest

from tests.mutations.mutant import Edit, Mutant, MutantError
from tests.mutations.mutants import LISTED, MUTANTS
from tests.mutations.report import caught_by, table
from tests.mutations.running import ROOT, Result
from tests.mutations.survivors import SEEN_ELSEWHERE

PACKAGE = ROOT / "alphaforge"
AT_LEAST = 44


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_a_mutant_can_be_made_and_compiles(mutant: Mutant, tmp_path: Path) -> None:
    for edit in mutant.edits:
        target = tmp_path / edit.file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / edit.file, target)
    mutant.apply(tmp_path)
    for edit in mutant.edits:
        text = (tmp_path / edit.file).read_text()
        assert text != (PACKAGE / edit.file).read_text()
        compile(text, edit.file, "exec")


def test_there_are_enough_mutants_and_no_two_have_one_name_or_one_text() -> None:
    assert len(MUTANTS) >= AT_LEAST
    assert len({each.name for each in MUTANTS}) == len(MUTANTS)
    assert len({each.edits for each in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("text", ["nowhere in it", "e"])
def test_a_text_that_does_not_stand_exactly_once_is_no_mutant(text: str) -> None:
    with pytest.raises(MutantError, match="not once"):
        Edit("errors.py", text, "").change(PACKAGE)


@pytest.mark.parametrize(
    ("violation", "short"),
    [
        ("I9: o-1 is ABSENT here", "I9"),
        ("books differ (2): in memory: trade t1 is missing", "books differ"),
        ("alert overfill: too much", "alert overfill"),
        ("the session ended: KeyError: 'a'", "the session ended: KeyError"),
        ("", ""),
    ],
)
def test_a_violation_is_told_in_few_words(violation: str, short: str) -> None:
    assert caught_by(violation) == short


def test_the_table_names_survivors_with_their_reason() -> None:
    mutants = [
        Mutant("caught", "a", ()),
        Mutant("seen", "b", (), survives="it heals"),
        Mutant("unseen", "c", ()),
    ]
    results = [
        Result("caught", "", "", 3, 2, "I6: twice", 1.0),
        Result("seen", "", "", 9),
        Result("unseen", "", "", 9),
    ]
    lines = table(mutants, results)
    assert "| caught | a | I6 | 3 | 1 |" in lines
    assert lines[-2:] == ["- seen: it heals", "- unseen: not explained"]


def test_only_listed_mutants_are_explained() -> None:
    assert set(SEEN_ELSEWHERE) <= {each.name for each in LISTED}
