from __future__ import annotations

import re

import numpy as np

from mediwatch_training.report import render_report

META = {
    "target": "readmitted",
    "positive": "<30",
    "group": "patient_nbr",
    "dataSha256": "ab" * 32,
    "splits": {"test": {"rows": 2000, "positives": 220}},
}
METRICS = {"test_auc": 0.7, "test_average_precision": 0.2, "test_brier": 0.1, "threshold": 0.15, "train_rows": 9000}
TRIALS = [
    {"number": 0, "params": {"a": 1}, "state": "complete", "score": 0.65},
    {"number": 1, "params": {"a": 2}, "state": "failed"},
    {"number": 2, "params": {"a": 3}, "state": "complete", "score": 0.68},
]


def page(trials: list[dict]) -> str:
    random = np.random.default_rng(0)
    labels = (random.random(2000) < 0.11).astype(int)
    return render_report(META, "hgb", {"a": 3}, METRICS, labels, random.random(2000) * 0.3, trials)


def test_the_page_is_small_and_needs_nothing_else():
    html = page(TRIALS)
    assert len(html) < 200_000
    assert not re.search(r"<script|<link|https?://", html)


def test_every_chart_has_a_title_and_a_description():
    html = page(TRIALS)
    assert html.count("<svg") == html.count("<title>") - 1 == html.count("<desc>") == 4
    assert "nan" not in html.lower().replace("patient_nbr", "")


def test_text_of_the_data_is_escaped():
    assert "readmitted is &lt;30" in page(TRIALS)


def test_without_a_search_it_says_so():
    assert "No search was made" in page([])
