from __future__ import annotations

import pytest

from mediwatch_training.checks import check_input
from mediwatch_training.contract import INPUTS, RETRYABLE, STEPS
from mediwatch_training.errors import InvalidInput, StepError
from mediwatch_training.steps import load_step

EVALUATION = {"datasetDir": "d", "trackingUri": "u", "models": [{"id": "1", "uri": "models:/x/1"}]}


def error_types(kind: type[StepError] = StepError) -> list[type[StepError]]:
    return [kind, *(one for direct in kind.__subclasses__() for one in error_types(direct))]


def test_every_error_of_a_step_is_a_failure_type_of_the_contract():
    for kind in error_types():
        assert kind.type in RETRYABLE
        assert kind("what happened").to_json()["retryable"] is RETRYABLE[kind.type]
        # One within a module may be of the type of what it is derived from.
        if kind is not StepError and "type" in vars(kind):
            assert kind.type == kind.__name__


def test_every_step_of_the_contract_has_a_function():
    for step in INPUTS:
        assert callable(load_step(step)) and STEPS[step]


def test_what_is_left_out_or_null_gets_the_default_of_the_contract():
    checked = check_input("trial", {"datasetDir": "d", "seed": None, "threads": 2.0})
    assert checked == {"datasetDir": "d", "model": "hgb", "params": None, "seed": 42, "threads": 2, "share": 1}
    assert isinstance(checked["threads"], int)


def test_null_is_kept_where_it_means_something_else_than_the_default():
    paths = {"dataPath": "a.csv", "outputDir": "o"}
    assert check_input("prepare", paths)["group"] == "patient_nbr"
    assert check_input("prepare", {**paths, "group": None})["group"] is None


def test_defaults_are_filled_in_below_a_field_too():
    bootstrap = check_input("evaluate", {**EVALUATION, "bootstrap": {}})["bootstrap"]
    assert bootstrap == {"confidences": {}, "samples": 1000, "seed": 42}


@pytest.mark.parametrize(
    ("step", "values", "field", "said"),
    [
        ("trial", {}, "datasetDir", "datasetDir is required: a non-empty string"),
        ("trial", {"datasetDir": " "}, "datasetDir", "must be a non-empty string, not ' '"),
        ("trial", {"datasetDir": "d", "threads": 0}, "threads", "an integer from 1 to 1024, not 0"),
        ("trial", {"datasetDir": "d", "threads": True}, "threads", "an integer from 1 to 1024, not True"),
        ("trial", {"datasetDir": "d", "model": "svm"}, "model", "one of hgb, rf, not 'svm'"),
        ("trial", {"datasetDir": "d", "sead": 1}, "sead", "unknown field 'sead'; known fields: datasetDir, model"),
        ("suggest", {"space": {"a": {"type": "grid"}}}, "space.a", "space.a must be"),
        ("suggest", {"trials": [{"number": 0, "params": {}, "state": "lost"}]}, "trials", r"trials\[0\].state must be"),
        ("evaluate", {**EVALUATION, "models": []}, "models", "a list of objects with at least one"),
        ("evaluate", {**EVALUATION, "bootstrap": {"samples": 3}}, "bootstrap.samples", "an integer from 10 to 100000"),
        (
            "evaluate",
            {**EVALUATION, "bootstrap": {"sample": 3}},
            "bootstrap.sample",
            "'sample' of bootstrap",
        ),
        ("monitor", {"log": "l", "outputDir": "o", "driftShare": float("nan")}, "driftShare", "a number above 0"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(step, values, field, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        check_input(step, values)
    assert caught.value.field == field
