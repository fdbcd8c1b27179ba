"""The page as text: whatever names the data, the models and the trials have, it is markup of ours alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_report_values import InProcess, example, model

from mediwatch_training.checks import check_input
from mediwatch_training.report import values as report_values
from mediwatch_training.report import words
from mediwatch_training.report.inputs import read_request
from mediwatch_training.report.page import draw
from mediwatch_training.report.plots import svg
from mediwatch_training.report.values.scoring import HeldOut, Scored

EVIL = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>${7*7}{{7*7}}$x_1$ id="a" \N{GRINNING FACE}'


class Reader:
    """A model whose columns bear hostile names."""

    feature_names_in_ = np.array([f"column {EVIL}", "race"])

    def __init__(self, probabilities: np.ndarray) -> None:
        self._probabilities = probabilities

    def predict_proba(self, records: pd.DataFrame) -> np.ndarray:
        positive = np.resize(self._probabilities, len(records))
        return np.column_stack([1 - positive, positive])


def evil_values(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    labels, probabilities = example(1)
    rows = len(labels)
    records = pd.DataFrame(
        {
            f"column {EVIL}": [EVIL, None] * (rows // 2),
            "race": [f"race {EVIL}", "b"] * (rows // 2),
            "gender": [EVIL] * rows,
        }
    )
    split = {"rows": rows, "groups": rows, "positives": int(labels.sum())}
    meta = {
        "target": f"target {EVIL}",
        "positive": f"positive {EVIL}",
        "task": "binary",
        "classes": None,
        "group": f"group {EVIL}",
        "splits": {"train": split, "validation": split, "test": split},
        "rows": 3 * rows,
        "groups": rows,
        "positives": int(labels.sum()),
        "dropped": [{"name": EVIL, "reason": "identifier"}],
        "remarks": [
            {"code": "separator", "detail": EVIL},
            {"code": "lost", "column": EVIL, "cells": 1, "line": 2},
        ],
        "dataSha256": EVIL,
        "features": [{"name": f"column {EVIL}", "kind": "categorical"}],
        "encodedColumns": 1,
    }
    dataset = SimpleNamespace(meta=meta, test_records=records)
    scored = Scored(
        HeldOut(records, labels), model(probabilities, InProcess(Reader(probabilities), records)), model(probabilities)
    )
    monkeypatch.setattr(report_values, "open_dataset", lambda directory: dataset)
    monkeypatch.setattr(report_values, "score_models", lambda *_: scored)
    trial = {"state": "complete", "params": {f"parameter {EVIL}": EVIL, "depth": 3}, "error": EVIL}
    trials = [{**trial, "number": number, "score": 0.5 + number / 100} for number in range(15)]
    trials.append({"number": 15, "state": "failed", "params": {EVIL: EVIL}, "error": f"error {EVIL}"})
    names = ("workflowId", "trigger", "startedAt", "data", "datasetSha256", "codeRevision", "release")
    lineage = {name: f"{name} {EVIL}" for name in names}
    lineage |= {"workflowUrl": f"javascript:alert(1){EVIL}", "driftReport": f"https://x/{EVIL}", "seed": 1}
    request = {
        "trackingUri": f"http://x/{EVIL}",
        "runId": f"run {EVIL}",
        "registeredModel": f"model {EVIL}",
        "datasetDir": "somewhere",
        "challenger": {
            "version": f"version {EVIL}",
            "uri": f"uri {EVIL}",
            "metrics": {f"metric {EVIL}": 1.0},
            "model": f"kind {EVIL}",
            "params": {f"given {EVIL}": EVIL},
        },
        "champion": {"version": f"champion {EVIL}", "uri": f"champion uri {EVIL}"},
        "search": {"trials": trials, "metric": f"score {EVIL}"},
        "lineage": lineage,
    }
    return report_values.compute(
        read_request(check_input("report", request)), f"experiment {EVIL}", "key", lambda update: None
    )


class Tags(HTMLParser):
    """Collects tags, handlers and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "href":
                self.links.append(value or "")


def test_foreign_text_is_never_markup(monkeypatch):
    values = evil_values(monkeypatch)
    outcome = {"stage": "Production", "promoted": True, "reason": EVIL, "approvedBy": EVIL, "deployed": False}
    for page in (draw(values, outcome)[0], draw(values, None)[0]):
        tags = Tags()
        tags.feed(page)
        assert not tags.names & {"script", "img", "iframe", "object"}
        assert not any(name.startswith("on") for name in tags.attributes)
        assert not any(link.lower().startswith("javascript") for link in tags.links)
        assert page.count("&lt;script&gt;") > 60
        assert "{{7*7}}" in page and "$x_1$" in page


def test_every_figure_has_a_title_and_a_description(monkeypatch):
    page = draw(evil_values(monkeypatch), None)[0]
    figures = page.count("<svg ")
    assert figures >= 12
    for part in ('role="img" aria-labelledby=', "<title id=", "<desc id="):
        assert page.count(part) == figures


def test_figures_take_colours_and_fonts_of_the_page(monkeypatch):
    page = draw(evil_values(monkeypatch), None)[0]
    drawn = "".join(re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL))
    assert not re.search(r"(?:fill|stroke): #[0-9a-f]{6}", drawn)
    assert "font-family" not in drawn and "DejaVu" not in drawn
    style = page[page.index("<style>") : page.index("</style>")]
    for name in svg.COLOR:
        # In the light and in the dark scheme.
        assert style.count(f"--{name}:") == 2


def test_numbers_are_written_for_people():
    assert words.number(-0.00004, 3) == "0.000" and words.number(-1234.5, 1) == "\N{MINUS SIGN}1,234.5"
    assert words.signed(0.1, 2) == "+0.10" and words.signed(0, 2) == "0.00" and words.signed(0.0001, 2) == "0.00"
    assert words.number(float("nan"), 2) == words.number(None, 2) == "\N{EN DASH}"
    assert words.percent(0.1234) == "12.3 %"
    assert words.parameter(1.7e-6).startswith("1.7 ") and words.parameter(True) == "true"
    assert words.parameter(12345) == "12,345" and words.parameter(0.04123) == "0.04123"
