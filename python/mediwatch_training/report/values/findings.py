"""What a clinical reader must not miss, told from the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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
# An AUC of a group must be lower by this much, and its whole interval below the AUC of all.
_AUC_GAP = 0.03
_SENSITIVITY_GAP = 0.1
# Expected calibration error, and in how many bins more than chance must lie behind it: few records make an error too.
_CALIBRATION_ERROR = 0.03
_BINS_OFF = 2
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
    auc = values["comparison"]["scores"].get("auc")
    low = auc["challenger"]["low"] if auc and auc["challenger"] else None
    return [] if low is None or low > 0.5 else [{"kind": "guessing", "low": low}]


def _default_threshold(values: Values) -> list[DefaultThreshold]:
    if not values["comparison"]["computed"]:
        return []
    challenger = values["challenger"]
    if not challenger.get("thresholdIsDefault") or "threshold" not in challenger:
        return []
    return [{"kind": "defaultThreshold", "threshold": challenger["threshold"]}]


def _calibration(values: Values) -> list[PoorCalibration]:
    calibration = values["calibration"]
    if "models" not in calibration or "challenger" not in calibration["models"]:
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
        for finding in _worse(dimension["name"], group, whole)
    ]


def _worse(dimension: str, group: Group, whole: Measured) -> list[GroupFinding]:
    found: list[GroupFinding] = []

    def add(kind: Literal["groupAuc", "groupSensitivity", "groupRatio"], estimate: Share, of_all: float) -> None:
        found.append(
            {"kind": kind, "dimension": dimension, "group": group["name"], "estimate": estimate, "whole": of_all}
        )

    auc, sensitivity, ratio = group["auc"], group["sensitivity"], group["ratio"]
    if auc and whole["auc"] and _is_below(auc, whole["auc"]["value"], _AUC_GAP):
        add("groupAuc", {"value": auc["value"], "low": auc["low"], "high": auc["high"]}, whole["auc"]["value"])
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
