"""The sentences of the page: each says what its numbers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import MODEL_NAMES, listed, number, percent, plural, score_name, score_text, signed

if TYPE_CHECKING:
    from ...contract import ReportOutcome
    from ..shapes import (
        Decisions,
        DefaultThreshold,
        DescribedModel,
        Estimate,
        FailedTrials,
        FewPositives,
        Finding,
        GroupFinding,
        Guessing,
        ModelCalibration,
        PoorCalibration,
        Score,
        Share,
        Target,
        Values,
    )

_VERDICTS = {
    "better": "better",
    "worse": "worse",
    "unclear": "no difference that can be told",
    None: "no interval to judge by",
}


_IN_SENTENCE = {"average_precision": "average precision", "log_loss": "log loss"}


def model_name(model: DescribedModel) -> str | None:
    """Return the kind of model in words; of a foreign one, its own name."""
    kind = model["model"]
    return kind and MODEL_NAMES.get(kind, kind)


def class_names(target: Target | None) -> dict[str, str]:
    """Return what positive and negative records are called."""
    if target is None:
        return {"positive": "positive", "negative": "negative"}
    told = f"{target['target']} {target['positive']}"
    return {"positive": told, "negative": f"not {target['positive']}"}


def digits(score: Score) -> int:
    """Return how many decimals the values of a score are written with: none where foreign ones are counts."""
    known = [one["value"] for one in (score["challenger"], score["champion"]) if one]
    return 0 if all(float(value).is_integer() and abs(value) > 1 for value in known) else 4


def verdict(name: str | None) -> str:
    """Return a verdict about a difference in words."""
    return _VERDICTS[name]


def status(values: Values, outcome: ReportOutcome | None) -> dict[str, str]:
    """Return ``{kind, title, text}`` of what became of the version."""
    if outcome is None:
        text = "When this page was written, nothing was decided about this version. The models in use are unchanged."
        return {"kind": "open", "title": "Undecided", "text": text}
    reason = _sentence(outcome["reason"]) if outcome["reason"] else ""
    approved = f"Approved by {outcome['approvedBy']}." if outcome["approvedBy"] else ""
    if not outcome["promoted"]:
        stay = "It stays in the registry without a stage; the models in use are unchanged."
        title = "Registered only" if outcome["stage"] == "None" else f"Not promoted to {outcome['stage']}"
        return {"kind": "stopped", "title": title, "text": _joined(reason, stay)}
    served = "The API answers with it." if outcome["deployed"] else "The API does not answer with it yet."
    text = _joined(reason, approved, served if outcome["stage"] == "Production" else "")
    return {"kind": "done", "title": f"Promoted to {outcome['stage']}", "text": text}


def gist(values: Values, outcome: ReportOutcome | None) -> str:
    """Return the page in one sentence."""
    begin = f"Version {values['challenger']['version']} of {values['registeredModel']}"
    end = status(values, outcome)["title"].lower().replace("production", "Production").replace("staging", "Staging")
    auc = values["comparison"]["scores"].get("auc" if values["comparison"]["computed"] else "test_auc")
    if auc is None or auc["challenger"] is None:
        return f"{begin} has no recorded AUC: {end}."
    told = f"{begin} has a test AUC of {_with_interval('auc', auc['challenger'])}"
    if auc["difference"] is not None:
        champion = values["champion"]
        told += f", {signed(auc['difference']['value'], 4)} against version {champion['version'] if champion else ''}"
        told += f" ({verdict(auc['verdict'])})" if auc["verdict"] else ""
    return f"{told}: {end}."


def lead(values: Values) -> list[str]:
    """Return the paragraphs of the summary."""
    return [" ".join(part) for part in (_trained(values), _compared(values), _trust(values)) if part]


def _trained(values: Values) -> list[str]:
    challenger, target, profile = values["challenger"], values["target"], values["profile"]
    kind = model_name(challenger)
    begin = f"Version {challenger['version']} of {values['registeredModel']}"
    begin += f" is a {kind} model" if kind else " is a model of the project's own training"
    if target is None or "splits" not in profile:
        return [f"{begin}, trained on a data set that a command prepared."]
    splits = profile["splits"]
    fitted = splits["train"]["rows"] + splits["validation"]["rows"]
    test = splits["test"]
    share = (test["positives"] or 0) / test["rows"]
    groups = (
        f"No {target['group']} is in two splits" if target["group"] else "Rows were split independently of each other"
    )
    return [
        f"{begin}, fitted on {plural(fitted, 'record')} to predict whether {target['target']} is "
        f"“{target['positive']}”. It was tested on {plural(test['rows'], 'record')} that took no part in the choice of "
        f"parameters, iterations or threshold; {percent(share)} of them are positive.",
        f"{groups}.",
    ]


def _compared(values: Values) -> list[str]:
    comparison, champion = values["comparison"], values["champion"]
    scores = comparison["scores"]
    auc = scores.get("auc" if comparison["computed"] else "test_auc")
    if auc is None or auc["challenger"] is None:
        return ["No AUC of it is known."]
    ranks = (
        f"Of a positive and a negative record, it ranks the positive one higher in "
        f"{percent(auc['challenger']['value'])} of cases: its AUC is {_with_interval('auc', auc['challenger'])}."
    )
    if champion is None:
        return [ranks, "There was no model in use to compare it with."]
    if auc["difference"] is None:
        why = f" {comparison['missing']}" if comparison["missing"] else ""
        return [ranks, f"It cannot be compared with version {champion['version']}, the champion.{why}"]
    if auc["verdict"] is None:
        return [
            ranks,
            f"That is {signed(auc['difference']['value'], 4)} against version {champion['version']}, the champion, by "
            "the scores that both trainings recorded; how sure this is cannot be told.",
        ]
    return [ranks, _meaning(auc["difference"], auc["verdict"], champion["version"]), *_other_verdicts(scores)]


def _meaning(difference: Estimate, verdict: str, champion: str) -> str:
    told = (
        f"Against version {champion}, the champion, the AUC differs by {signed(difference['value'], 4)} "
        f"(95 % interval {signed(difference['low'], 4)} to {signed(difference['high'], 4)}): "
    )
    return told + {
        "better": "the new version is better, by more than chance explains.",
        "worse": "the new version is worse, by more than chance explains.",
        "unclear": "no difference can be told on this many records.",
    }[verdict]  # fmt: skip


def _other_verdicts(scores: dict[str, Score]) -> list[str]:
    found: list[str] = []
    for told, text in (("better", "better"), ("worse", "worse")):
        names = [
            _IN_SENTENCE.get(name, score_name(name))
            for name, score in scores.items()
            if name not in ("auc", "f1") and score["verdict"] == told
        ]
        if names:
            found.append(f"It is {text} by {listed(names)}.")
    return found


def _trust(values: Values) -> list[str]:
    found = values["decisions"]
    decisions = found["models"].get("challenger") if "models" in found else None
    if decisions is None:
        return []
    per = per_thousand(decisions)
    return [
        f"At its threshold of {number(decisions['threshold'], 3)}, it alerts for {per['alerts']} of 1,000 records. "
        f"{per['hits']} of these are positive, and {per['misses']} positive records get no alert."
    ]


def per_thousand(decisions: Decisions) -> dict[str, int]:
    """Return alerts, hits, false alerts and misses of 1,000 records, whole numbers that add up."""
    hits, misses, false_alerts = decisions["truePositives"], decisions["falseNegatives"], decisions["falsePositives"]
    rows = hits + misses + false_alerts + decisions["trueNegatives"]
    found, positives, alerts = (round(1000 * amount / rows) for amount in (hits, hits + misses, hits + false_alerts))
    return {
        "positives": positives,
        "alerts": alerts,
        "hits": found,
        "falseAlerts": alerts - found,
        "misses": positives - found,
    }


def warnings(findings: list[Finding]) -> list[dict[str, str]]:
    """Return ``[{title, text}]``, findings about one group as one."""
    found: dict[str, list[str]] = {}
    for finding in findings:
        told = _warning(finding)
        found.setdefault(told["title"], []).append(told["text"])
    return [{"title": title, "text": " ".join(texts)} for title, texts in found.items()]


def calibration(role: str, model: ModelCalibration) -> str:
    """Return what a model's calibration means."""
    ratio = model["ratio"]
    told = (
        f"The {role} predicts {percent(model['expected'])} on average, and {percent(model['observed'])} are positive: "
        f"{number(ratio['value'], 2)} observed for each expected (95 % interval {number(ratio['low'], 2)} to "
        f"{number(ratio['high'], 2)})."
    )
    return f"{told} Its expected calibration error is {percent(model['error'], 2)}."


def _few_positives(finding: FewPositives) -> dict[str, str]:
    return {
        "title": "Few positives",
        "text": f"The test split holds {plural(finding['positives'], 'positive record')}; below {finding['wanted']}, "
        "every interval on this page is wide and small differences cannot be told.",
    }


def _guessing(finding: Guessing) -> dict[str, str]:
    return {
        "title": "No better than guessing",
        "text": f"The interval of the AUC reaches down to {number(finding['low'], 3)}: these records do not show that "
        "the model ranks better than chance.",
    }


def _default_threshold(finding: DefaultThreshold) -> dict[str, str]:
    return {
        "title": "No threshold of its own",
        "text": f"The model does not tell from which probability a record counts as positive; "
        f"{number(finding['threshold'], 2)} is assumed.",
    }


def _calibration_warning(finding: PoorCalibration) -> dict[str, str]:
    way = "too low" if finding["observed"] > finding["expected"] else "too high"
    text = (
        f"Predicted probabilities are {way}: {percent(finding['expected'])} on average, where "
        f"{percent(finding['observed'])} are positive."
        if finding["ratioIsOff"]
        else f"Predicted probabilities lie {percent(finding['error'])} beside what happens, on average."
    )
    return {"title": "Poor calibration", "text": f"{text} Do not read them as chances."}


def _group_auc(finding: GroupFinding) -> dict[str, str]:
    return {
        "title": _group(finding),
        "text": f"Ranks clearly worse here: AUC {_with_interval('auc', finding['estimate'])}, "
        f"{number(finding['whole'], 3)} for all.",
    }


def _group_sensitivity(finding: GroupFinding) -> dict[str, str]:
    estimate = finding["estimate"]
    return {
        "title": _group(finding),
        "text": f"Finds fewer of the positive records here: {percent(estimate['value'])} (95 % interval "
        f"{percent(estimate['low'])} to {percent(estimate['high'])}), {percent(finding['whole'])} for all.",
    }


def _group_ratio(finding: GroupFinding) -> dict[str, str]:
    estimate = finding["estimate"]
    way = "too low" if (estimate["value"] or 0) > 1 else "too high"
    return {
        "title": _group(finding),
        "text": f"Predicted probabilities are {way} here: {number(estimate['value'], 2)} observed for each expected "
        f"(95 % interval {number(estimate['low'], 2)} to {number(estimate['high'], 2)}).",
    }


def _failed_trials(finding: FailedTrials) -> dict[str, str]:
    return {
        "title": "Failed trials",
        "text": f"{finding['failed']} of {plural(finding['trials'], 'trial')} failed: the search saw less than it was "
        "meant to. The table of trials says why.",
    }


def _warning(finding: Finding) -> dict[str, str]:
    match finding["kind"]:
        case "fewPositives":
            return _few_positives(finding)
        case "guessing":
            return _guessing(finding)
        case "defaultThreshold":
            return _default_threshold(finding)
        case "calibration":
            return _calibration_warning(finding)
        case "groupAuc":
            return _group_auc(finding)
        case "groupSensitivity":
            return _group_sensitivity(finding)
        case "groupRatio":
            return _group_ratio(finding)
        case "failedTrials":
            return _failed_trials(finding)


def _group(finding: GroupFinding) -> str:
    return f"{finding['dimension']}: {finding['group']}"


def _with_interval(name: str, estimate: Estimate | Share) -> str:
    value = score_text(name, estimate["value"])
    if estimate["low"] is None:
        return value
    return f"{value} (95 % interval {score_text(name, estimate['low'])} to {score_text(name, estimate['high'])})"


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:] if text[:5] != "test_" else text
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
