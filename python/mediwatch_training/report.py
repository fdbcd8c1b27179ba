# ruff: noqa: E501 (the style sheet is kept on few lines)
"""The test report: one self-contained HTML page about a trained model."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from .charts import Series, line_chart

_BINS = 10
_METRICS = (
    ("test_auc", "ROC AUC", "chance that a positive ranks above a negative; 0.5 is guessing"),
    (
        "test_average_precision",
        "Average precision",
        "area under precision-recall; the share of positives is guessing",
    ),
    ("test_log_loss", "Log loss", "lower is better"),
    ("test_brier", "Brier score", "mean squared error of the probability; lower is better"),
    ("test_f1", "F1", "at the threshold"),
    ("threshold", "Threshold", "probability from which a record counts as positive; best F1 on validation"),
    ("iterations", "Iterations", "of each booster, or trees of the forest"),
    ("train_rows", "Training rows", "train and validation splits"),
)
_STYLE = """
:root{color-scheme:light dark;--ink:#1b2733;--soft:#5b6b7b;--line:#d9e0e7;--card:#fff;--page:#f4f6f8;--main:#0b6bcb;--alt:#c2410c}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9fb0c0;--line:#30404f;--card:#17212b;--page:#0e151c;--main:#58a6ff;--alt:#ff9a62}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 16px}h1{font-size:1.6rem;margin:0 0 8px}h2{font-size:1.15rem;margin:0 0 8px}
p{margin:0 0 12px}.soft{color:var(--soft)}section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;margin:16px 0}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));gap:16px}.grid section{margin:0}
svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:var(--soft)}.grid line,line.grid{stroke:var(--line)}
polyline{fill:none;stroke-width:2.2}polyline.main{stroke:var(--main)}polyline.alt{stroke:var(--alt)}
polyline.guess{stroke:var(--soft);stroke-dasharray:4 4;stroke-width:1.2}circle.main{fill:var(--main)}circle.alt{fill:var(--alt)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}table.dense{font-size:.875rem}code{overflow-wrap:anywhere}
""".strip()


def render_report(
    meta: dict[str, Any],
    model: str,
    params: dict[str, Any],
    metrics: dict[str, float],
    labels: np.ndarray,
    probabilities: np.ndarray,
    trials: list[dict[str, Any]],
) -> str:
    """Return the page.

    Args:
        meta: The dataset's ``dataset.json``.
        model: "hgb" or "rf".
        params: Of the final fit.
        metrics: As logged.
        labels: Of the test split, 0 or 1, shape (n,).
        probabilities: Of the test split, shape (n,).
        trials: Of the search: ``{number, params, state, score?, metrics?}``; may be empty.
    """
    sections = [
        _metrics_section(metrics),
        '<div class="grid">'
        + _roc_section(labels, probabilities, metrics)
        + _precision_recall_section(labels, probabilities, metrics)
        + _calibration_section(labels, probabilities)
        + _trials_section(trials)
        + "</div>",
        _params_section(model, params),
        _trials_table(trials),
    ]
    title = f"Test report: {meta['target']}, {_model_name(model)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{_summary(meta, model, metrics, trials)}{''.join(sections)}</main></body></html>"
    )


def _model_name(model: str) -> str:
    return {"hgb": "histogram gradient boosting", "rf": "random forest"}[model]


def _summary(meta: dict[str, Any], model: str, metrics: dict[str, float], trials: list[dict[str, Any]]) -> str:
    test = meta["splits"]["test"]
    share = test["positives"] / test["rows"]
    complete = [trial for trial in trials if trial.get("state") == "complete"]
    searched = f"chosen from {len(complete)} completed trials" if complete else "with its default parameters"
    grouped = f"no {meta['group']} is in two splits" if meta.get("group") else "rows were split independently"
    text = (
        f"A {_model_name(model)} model, {searched}, ranks the {test['rows']:,} records of the test split with a ROC AUC "
        f"of {metrics['test_auc']:.4f} ({meta['target']} is {meta['positive']} in {share:.1%} of them). "
        f"It was fitted on {int(metrics['train_rows']):,} records; {grouped}. The test split took no part in the choice "
        "of parameters, iterations or threshold."
    )
    return f'<p>{escape(text)}</p><p class="soft">Data SHA-256 <code>{escape(meta["dataSha256"])}</code></p>'


def _metrics_section(metrics: dict[str, float]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td class="n">{_value(metrics[key])}</td><td class="soft">{meaning}</td></tr>'
        for key, name, meaning in _METRICS
        if key in metrics
    )
    head = '<tr><th scope="col">Metric</th><th scope="col">Value</th><th scope="col">Meaning</th></tr>'
    return _section("Scores on the test split", f'<div class="scroll"><table>{head}{rows}</table></div>')


def _roc_section(labels: np.ndarray, probabilities: np.ndarray, metrics: dict[str, float]) -> str:
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(labels, probabilities)
    chart = line_chart(
        "ROC curve",
        f"True positive rate against false positive rate; the area is {metrics['test_auc']:.4f}.",
        "False positive rate",
        "True positive rate",
        [_diagonal(), Series("model", false_positive, true_positive)],
        (0, 1),
        (0, 1),
    )
    return _section("ROC", chart)


def _precision_recall_section(labels: np.ndarray, probabilities: np.ndarray, metrics: dict[str, float]) -> str:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, probabilities)
    base = float(labels.mean())
    chart = line_chart(
        "Precision-recall curve",
        f"Precision against recall; the average precision is {metrics['test_average_precision']:.4f}, guessing {base:.4f}.",
        "Recall",
        "Precision",
        [
            Series("guessing", np.array([0.0, 1.0]), np.array([base, base]), "guess"),
            Series("model", recall, precision),
        ],
        (0, 1),
        (0, 1),
    )
    return _section("Precision and recall", chart)


def _calibration_section(labels: np.ndarray, probabilities: np.ndarray) -> str:
    order = np.argsort(probabilities, kind="stable")
    bins = [part for part in np.array_split(order, _BINS) if len(part)]
    predicted = np.array([probabilities[part].mean() for part in bins])
    observed = np.array([labels[part].mean() for part in bins])
    top = float(max(predicted.max(), observed.max())) * 1.08
    chart = line_chart(
        "Calibration curve",
        f"Observed share of positives against the mean predicted probability, in {len(bins)} groups of equal size.",
        "Predicted probability",
        "Observed share",
        [
            Series("perfect", np.array([0, top]), np.array([0, top]), "guess"),
            Series("model", predicted, observed),
            Series("model", predicted, observed, dots=True),
        ],
        (0, top),
        (0, top),
    )
    return _section("Calibration", chart)


def _trials_section(trials: list[dict[str, Any]]) -> str:
    scored = [t for t in trials if t.get("state") == "complete" and t.get("score") is not None]
    if not scored:
        return _section("Trials", "<p>No search was made: the parameters are the defaults or were given.</p>")
    scored.sort(key=lambda t: t["number"])
    numbers = np.array([t["number"] for t in scored], dtype=float)
    values = np.array([t["score"] for t in scored], dtype=float)
    best = np.maximum.accumulate(values)
    chart = line_chart(
        "Score by trial",
        f"Validation ROC AUC of {len(scored)} trials as dots, the best so far as a line; the best is {best[-1]:.4f}.",
        "Trial",
        "Validation ROC AUC",
        [
            Series("best so far", np.repeat(numbers, 2)[1:], np.repeat(best, 2)[:-1], "alt"),
            Series("trials", numbers, values, dots=True),
        ],
    )
    return _section("Trials", chart + '<p class="soft">Dots: each trial. Line: best so far.</p>')


def _params_section(model: str, params: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td class="n">{escape(_value(value))}</td></tr>'
        for name, value in sorted(params.items())
    )
    return _section(f"Parameters of the {_model_name(model)}", f'<div class="scroll"><table>{rows}</table></div>')


def _trials_table(trials: list[dict[str, Any]]) -> str:
    if not trials:
        return ""
    names = sorted({name for trial in trials for name in trial.get("params") or {}})
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("trial", "state", "score", *names))
    rows = "".join(
        f'<tr><th scope="row">{trial["number"]}</th><td>{escape(str(trial.get("state")))}</td>'
        f'<td class="n">{escape(_value(trial.get("score")))}</td>'
        + "".join(f'<td class="n">{escape(_value((trial.get("params") or {}).get(name)))}</td>' for name in names)
        + "</tr>"
        for trial in sorted(trials, key=lambda t: t["number"])
    )
    return _section("All trials", f'<div class="scroll"><table class="dense"><tr>{head}</tr>{rows}</table></div>')


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _diagonal() -> Series:
    return Series("guessing", np.array([0.0, 1.0]), np.array([0.0, 1.0]), "guess")


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4g}" if abs(value) < 0.1 else f"{value:.4f}"
    return f"{int(value):,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
