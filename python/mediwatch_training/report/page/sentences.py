"""The sentences of the page: each says what its numbers mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...training.scores import primary
from ..words import MODEL_NAMES, listed, number, parameter, percent, plural, score_name, score_text, signed

if TYPE_CHECKING:
    from ...contract import ReportOutcome
    from ...shapes import Task
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


_IN_SENTENCE = {
    "average_precision": "average precision",
    "log_loss": "log loss",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mae": "mean absolute error",
    "median_absolute_error": "median absolute error",
}
# Those that the summary begins with.
_HEADLINES: dict[Task, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "brier"),
    "multiclass": ("auc", "accuracy", "balanced_accuracy", "log_loss"),
    "regression": ("r2", "rmse", "mae"),
}


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
    known = [abs(one["value"]) for one in (score["challenger"], score["champion"]) if one]
    if all(float(value).is_integer() and value > 1 for value in known):
        return 0
    return max(0, 4 - math.floor(math.log10(max(1.0, *known))))


def headlines(values: Values) -> list[str]:
    """Return the names of the scores that the summary begins with."""
    return [name for name in _HEADLINES[values["task"]] if name in values["comparison"]["scores"]]


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
    name, score = _first_score(values)
    if score is None or score["challenger"] is None:
        recorded = _recorded(values)
        return f"{begin}{f', with {recorded}' if recorded else ''}: {end}."
    told = f"{begin} has a test {score_name(name, values['task'])} of {_with_interval(name, score['challenger'])}"
    if score["difference"] is not None:
        champion = values["champion"]
        told += f", {signed(score['difference']['value'], 4)} against version {champion['version'] if champion else ''}"
        told += f" ({verdict(score['verdict'])})" if score["verdict"] else ""
    return f"{told}: {end}."


def _first_score(values: Values) -> tuple[str, Score | None]:
    """Return the name of the first score of the task, and the score, if it is known."""
    name, comparison = primary(values["task"]), values["comparison"]
    return name, comparison["scores"].get(name if comparison["computed"] else f"test_{name}")


def _recorded(values: Values) -> str:
    """Return the first scores that the training recorded; empty: none."""
    scores = values["comparison"]["scores"]
    known = [(name, estimate["value"]) for name, score in scores.items() if (estimate := score["challenger"])]
    return listed([f"{score_name(name)} {number(value, 4)}" for name, value in known[:3]]) if known else ""


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
    groups = (
        f"No {target['group']} is in two splits" if target["group"] else "Rows were split independently of each other"
    )
    tested = f"It was tested on {plural(test['rows'], 'record')} that took no part in the choice of parameters"
    match values["task"]:
        case "binary":
            share = (test["positives"] or 0) / test["rows"]
            predicts = f"whether {target['target']} is “{target['positive']}”"
            tested += f", iterations or threshold; {percent(share)} of them are positive."
        case "multiclass":
            predicts = f"which of {len(target['classes'] or [])} values {target['target']} has"
            tested += " or iterations."
        case "regression":
            predicts = f"the number {target['target']}"
            tested += " or iterations."
    return [f"{begin}, fitted on {plural(fitted, 'record')} to predict {predicts}. {tested}", f"{groups}."]


def _compared(values: Values) -> list[str]:
    comparison, champion = values["comparison"], values["champion"]
    name, score = _first_score(values)
    called = score_name(name, values["task"])
    if score is None or score["challenger"] is None:
        # A training of the project's own may have other scores.
        recorded = _recorded(values)
        return [f"Its training recorded {recorded}."] if recorded else []
    says = _score_says(values["task"], score["challenger"])
    if champion is None:
        return [says, "There was no model in use to compare it with."]
    if score["difference"] is None:
        why = f" {comparison['missing']}" if comparison["missing"] else ""
        return [says, f"It cannot be compared with version {champion['version']}, the champion.{why}"]
    if score["verdict"] is None:
        return [
            says,
            f"That is {signed(score['difference']['value'], 4)} against version {champion['version']}, the champion, "
            "by the scores that both trainings recorded; how sure this is cannot be told.",
        ]
    meaning = _meaning(called, score["difference"], score["verdict"], champion["version"])
    return [says, meaning, *_other_verdicts(name, comparison["scores"])]


def _score_says(task: Task, estimate: Estimate) -> str:
    """Return what the first score of a task means."""
    value, told = estimate["value"], _with_interval(primary(task), estimate)
    match task:
        case "binary":
            return (
                f"Of a positive and a negative record, it ranks the positive one higher in {percent(value)} of cases: "
                f"its AUC is {told}."
            )
        case "multiclass":
            return (
                f"Of a record of a class and one of another, it gives the first the higher probability of that class "
                f"in {percent(value)} of cases, on average over the classes: its AUC is {told}."
            )
        case "regression" if value > 0:
            return f"It explains {percent(value)} of the differences between the records: its R² is {told}."
        case "regression":
            return f"It predicts no better than the mean of all records would: its R² is {told}."


def _meaning(called: str, difference: Estimate, verdict: str, champion: str) -> str:
    told = (
        f"Against version {champion}, the champion, the {called} differs by {signed(difference['value'], 4)} "
        f"(95 % interval {signed(difference['low'], 4)} to {signed(difference['high'], 4)}): "
    )
    return told + {
        "better": "the new version is better, by more than chance explains.",
        "worse": "the new version is worse, by more than chance explains.",
        "unclear": "no difference can be told on this many records.",
    }[verdict]  # fmt: skip


def _other_verdicts(first: str, scores: dict[str, Score]) -> list[str]:
    found: list[str] = []
    for told, text in (("better", "better"), ("worse", "worse")):
        names = [
            _IN_SENTENCE.get(name, score_name(name))
            for name, score in scores.items()
            if name not in (first, "f1") and score["verdict"] == told
        ]
        if names:
            found.append(f"It is {text} by {listed(names)}.")
    return found


def _trust(values: Values) -> list[str]:
    decided, classes, errors = values["decisions"], values["classes"], values["errors"]
    if decided is not None and "models" in decided and "challenger" in decided["models"]:
        decisions = decided["models"]["challenger"]
        per = per_thousand(decisions)
        return [
            f"At its threshold of {number(decisions['threshold'], 3)}, it alerts for {per['alerts']} of 1,000 records. "
            f"{per['hits']} of these are positive, and {per['misses']} positive records get no alert."
        ]
    accuracy = values["comparison"]["scores"].get("accuracy")
    if classes is not None and accuracy is not None and accuracy["challenger"] is not None:
        return [f"It takes {percent(accuracy['challenger']['value'])} of the records for what they are."]
    if errors is not None and "models" in errors and "challenger" in errors["models"]:
        low, _, _, _, high = errors["models"]["challenger"]["quantiles"]
        return [
            f"Nine of ten of its errors, predicted minus actual, lie between {parameter(low)} and {parameter(high)}."
        ]
    return []


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
        "text": f"The interval of the {score_name(finding['score'])} reaches down to {number(finding['low'], 3)}: "
        "these records do not show that the model is better than one that predicts the same for each of them.",
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


def _group_score(finding: GroupFinding) -> dict[str, str]:
    return {
        "title": _group(finding),
        "text": f"Clearly worse here: {score_name(finding['score'])} "
        f"{_with_interval(finding['score'], finding['estimate'])}, "
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
        case "groupScore":
            return _group_score(finding)
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
