"""The table of mutants fits the code as it is now, and its tools tell the dead from the living.

`make mutants` runs all of them; here, one is killed by the test that is quickest to do so.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from mutants import MUTANTS, copy_with, first_red, judge, mutated

from imglab.queues.connection import connect

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
ZOMBIE = "test_queue_contract.py::test_who_released_a_task_can_change_nothing_afterwards[valkey]"


def test_every_mutant_has_a_name_of_its_own():
    assert len(BY_NAME) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_code_and_is_code_itself(mutant, valkey):
    text = mutated(mutant)
    if mutant.file.endswith(".py"):
        compile(text, mutant.file, "exec")
        return
    with connect(url=valkey.url) as client:
        client.script_load(text)  # whose names stand in other files: it compiles all the same


def test_a_mutant_whose_place_is_gone_or_not_the_only_one_is_an_error():
    with pytest.raises(ValueError, match=r"no fence: its text is 0 times in .*_common\.lua"):
        mutated(replace(BY_NAME["no fence"], old="no such text"))
    with pytest.raises(ValueError, match="not once"):
        mutated(replace(BY_NAME["no fence"], old="local"))


def test_a_mutant_is_killed():
    assert judge(BY_NAME["fence without token"], [ZOMBIE]).killed_by.startswith(ZOMBIE)


def test_what_is_no_mutant_survives():
    with copy_with(None) as folder:
        assert first_red(folder, [ZOMBIE]) == ""


def test_no_other_package_than_the_copy_is_judged(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)did not run.*AssertionError.*imglab"):
        first_red(tmp_path, [ZOMBIE])
