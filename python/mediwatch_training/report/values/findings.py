"""What a reader must not miss, told from the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...training.scores import primary

if TYPE_CHECKING:
    from ..shapes import (
        DefaultThreshold,
        Estimate,
        FailedTrials,
        FewPositives,
        Finding,
        Group,
        GroupFinding,
        Guessing,
        Measured,
        PoorCalibration,
        Share,
        Values,
    )

# Fewer positives than this in the test split leave wide intervals (Collins 2016 asks for 100 events).
_FEW_POSITIVES = 100
# A score of a group must be lower by this much, and its whole interval below that of all.
_SCORE_GAP = {"auc": 0.03, "r2": 0.1}
_SENSITIVITY_GAP = 0.1
# Expected calibration error, and in how many bins more than chance must lie behind it: few records make an error too.
_CALIBRATION_ERROR = 0.03
_BINS_OFF = 2
# What a model scores that predicts the same for every record.
_GUESSING = {"auc": 0.5, "r2": 0.0}
# How far observed over expected may be from 1.
_RATIO_GAP = 0.1
_GROUP_RATIO_GAP = 0.2


def findings(values: Values) -> list[Finding]:
    """Return what there is to warn of."""
    return [
        *_few_positives(values),
        *_not_better_than_guessing(values),
        *_default_threshold(values),
        *_calibration(values),
        *_groups(values),
        *_failed_trials(values),
    ]


def _few_positives(values: Values) -> list[FewPositives]:
    positives = values["positives"]
    if positives is None or positives >= _FEW_POSITIVES:
        return []
    return [{"kind": "fewPositives", "positives": positives, "wanted": _FEW_POSITIVES}]


def _not_better_than_guessing(values: Values) -> list[Guessing]:
    name = primary(values["task"])
    score = values["comparison"]["scores"].get(name)
    low = score["challenger"]["low"] if score and score["challenger"] else None
    return [] if low is None or low > _GUESSING[name] else [{"kind": "guessing", "score": name, "low": low}]


def _default_threshold(values: Values) -> list[DefaultThreshold]:
    if not values["comparison"]["computed"] or values["task"] != "binary":
        return []
    challenger = values["challenger"]
    if not challenger.get("thresholdIsDefault") or "threshold" not in challenger:
        return []
    return [{"kind": "defaultThreshold", "threshold": challenger["threshold"]}]


def _calibration(values: Values) -> list[PoorCalibration]:
    calibration = values["calibration"]
    if calibration is None or "models" not in calibration or "challenger" not in calibration["models"]:
        return []
    model = calibration["models"]["challenger"]
    off = _ratio_is_off(model["ratio"], _RATIO_GAP)
    bins_off = sum(not one["low"] <= one["predicted"] <= one["high"] for one in model["bins"])
    if not off and (model["error"] <= _CALIBRATION_ERROR or bins_off < _BINS_OFF):
        return []
    return [
        {
            "kind": "calibration",
            "ratioIsOff": off,
            "error": model["error"],
            "observed": model["observed"],
            "expected": model["expected"],
        }
    ]


def _groups(values: Values) -> list[GroupFinding]:
    found = values["subgroups"]
    if "whole" not in found or not found["whole"]["enough"]:
        return []
    whole = found["whole"]
    return [
        finding
        for dimension in found["dimensions"]
        for group in dimension["groups"]
        if group["enough"] and group["rows"] < whole["rows"]
        for finding in _worse(primary(values["task"]), dimension["name"], group, whole)
    ]


def _worse(name: str, dimension: str, group: Group, whole: Measured) -> list[GroupFinding]:
    found: list[GroupFinding] = []

    def add(kind: Literal["groupScore", "groupSensitivity", "groupRatio"], estimate: Share, of_all: float) -> None:
        found.append(
            {
                "kind": kind,
                "score": name,
                "dimension": dimension,
                "group": group["name"],
                "estimate": estimate,
                "whole": of_all,
            }
        )

    score, of_all, sensitivity, ratio = (
        group["scores"][name],
        whole["scores"][name],
        group["sensitivity"],
        group["ratio"],
    )
    if _is_below(score, of_all["value"], _SCORE_GAP[name]):
        add("groupScore", {"value": score["value"], "low": score["low"], "high": score["high"]}, of_all["value"])
    all_sensitivity = whole["sensitivity"] and whole["sensitivity"]["value"]
    if sensitivity and all_sensitivity is not None and _is_below(sensitivity, all_sensitivity, _SENSITIVITY_GAP):
        add("groupSensitivity", sensitivity, all_sensitivity)
    if ratio and _ratio_is_off(ratio, _GROUP_RATIO_GAP):
        add("groupRatio", ratio, 1.0)
    return found


def _is_below(estimate: Estimate | Share, whole: float, gap: float) -> bool:
    value, high = estimate["value"], estimate["high"]
    return value is not None and high is not None and high < whole and value <= whole - gap


def _ratio_is_off(ratio: Share, gap: float) -> bool:
    value, low, high = ratio["value"], ratio["low"], ratio["high"]
    if value is None or low is None or high is None:
        return False
    return abs(value - 1) > gap and not low <= 1 <= high


def _failed_trials(values: Values) -> list[FailedTrials]:
    search = values["search"]
    if "counts" not in search:
        return []
    failed, trials = search["counts"]["failed"], sum(search["counts"].values())
    return [] if failed * 5 < trials else [{"kind": "failedTrials", "failed": failed, "trials": trials}]
