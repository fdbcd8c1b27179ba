"""What a clinical reader must not miss, told from the values."""

from __future__ import annotations

from typing import Any

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


def findings(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return ``[{kind, …}]``: what each kind holds is what its sentence on the page needs."""
    return [
        *_few_positives(values),
        *_not_better_than_guessing(values),
        *_default_threshold(values),
        *_calibration(values),
        *_groups(values),
        *_failed_trials(values),
    ]


def _few_positives(values: dict[str, Any]) -> list[dict[str, Any]]:
    positives = values["positives"]
    if positives is None or positives >= _FEW_POSITIVES:
        return []
    return [{"kind": "fewPositives", "positives": positives, "wanted": _FEW_POSITIVES}]


def _not_better_than_guessing(values: dict[str, Any]) -> list[dict[str, Any]]:
    auc = values["comparison"]["scores"].get("auc")
    low = auc and auc["challenger"]["low"]
    return [] if low is None or low > 0.5 else [{"kind": "guessing", "low": low}]


def _default_threshold(values: dict[str, Any]) -> list[dict[str, Any]]:
    if values["comparison"]["computed"] and values["challenger"]["thresholdIsDefault"]:
        return [{"kind": "defaultThreshold", "threshold": values["challenger"]["threshold"]}]
    return []


def _calibration(values: dict[str, Any]) -> list[dict[str, Any]]:
    model = values["calibration"].get("models", {}).get("challenger")
    if model is None:
        return []
    off = _ratio_is_off(model["ratio"], _RATIO_GAP)
    bins_off = sum(not one["low"] <= one["predicted"] <= one["high"] for one in model["bins"])
    if not off and (model["error"] <= _CALIBRATION_ERROR or bins_off < _BINS_OFF):
        return []
    told = {name: model[name] for name in ("error", "observed", "expected")}
    return [{"kind": "calibration", "ratioIsOff": off, **told}]


def _groups(values: dict[str, Any]) -> list[dict[str, Any]]:
    found = values["subgroups"]
    whole = found.get("whole")
    if whole is None or not whole["enough"]:
        return []
    result = []
    for dimension in found["dimensions"]:
        for group in dimension["groups"]:
            if group["enough"] and group["rows"] < whole["rows"]:
                result += [
                    {"kind": kind, "dimension": dimension["name"], "group": group["name"], **told}
                    for kind, told in _worse(group, whole)
                ]
    return result


def _worse(group: dict[str, Any], whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for kind, name, gap in (("groupAuc", "auc", _AUC_GAP), ("groupSensitivity", "sensitivity", _SENSITIVITY_GAP)):
        one, all_rows = group[name], whole[name]
        if one["high"] is None or all_rows["value"] is None:
            continue
        if one["high"] < all_rows["value"] and one["value"] <= all_rows["value"] - gap:
            found.append((kind, {**one, "whole": all_rows["value"]}))
    if _ratio_is_off(group["ratio"], _GROUP_RATIO_GAP):
        found.append(("groupRatio", group["ratio"]))
    return found


def _ratio_is_off(ratio: dict[str, Any], gap: float) -> bool:
    if ratio["value"] is None:
        return False
    return abs(ratio["value"] - 1) > gap and not ratio["low"] <= 1 <= ratio["high"]


def _failed_trials(values: dict[str, Any]) -> list[dict[str, Any]]:
    counts = values["search"].get("counts")
    if not counts or counts["failed"] * 5 < sum(counts.values()):
        return []
    return [{"kind": "failedTrials", "failed": counts["failed"], "trials": sum(counts.values())}]
