from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run

from mediwatch_training.dataset import open_dataset
from mediwatch_training.drift.windows import Windows, current_start, reference_start, training_sample
from mediwatch_training.errors import PredictionLogInvalid
from mediwatch_training.training import prepare


def windows(random: np.random.Generator) -> Windows:
    hours = [None if random.random() < 0.5 else float(random.uniform(0.1, 30)) for _ in range(2)]
    return Windows(int(random.integers(1, 60)), int(random.integers(1, 60)), *hours)


def some_times(random: np.random.Generator) -> np.ndarray:
    times = np.sort(random.uniform(1.7e9, 1.7e9 + 1e5, int(random.integers(1, 80))))
    times[: int(random.integers(0, len(times)))] = np.nan
    return times


@pytest.mark.parametrize("seed", range(300))
def test_windows_are_next_to_each_other_and_never_overlap(seed):
    random = np.random.default_rng(seed)
    times, wanted = some_times(random), windows(random)
    begin = current_start(times, wanted, alone=False)
    before = reference_start(times, wanted, begin)
    assert 0 <= before <= begin <= len(times)
    if wanted.current_hours is None:
        assert len(times) - begin == min(wanted.current_rows, len(times) // 2)
    else:
        assert (times[begin:] > times[-1] - wanted.current_hours * 3600).all()
    if wanted.reference_hours is None:
        assert begin - before == min(wanted.reference_rows, begin)


def test_the_current_window_is_half_of_a_short_log_unless_the_reference_is_something_else():
    times, wanted = np.arange(100.0), Windows(80, 5000)
    assert current_start(times, wanted, alone=False) == 50
    assert current_start(times, wanted, alone=True) == 20


def test_hours_are_counted_back_from_the_newest_row():
    times, wanted = np.arange(0, 100) * 3600.0, Windows(1000, 5000, 24, 48)
    begin = current_start(times, wanted, alone=False)
    assert (begin, reference_start(times, wanted, begin)) == (76, 28)


def test_hours_need_times():
    with pytest.raises(PredictionLogInvalid, match="need a column ts"):
        current_start(np.full(5, np.nan), Windows(10, 10, 24), alone=False)


def test_rows_of_the_training_data_are_taken_at_even_distances(sample_csv: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(prepare, "_GROUP_ROWS", 700)
    run("prepare", dataPath=str(sample_csv), outputDir=str(tmp_path))
    records, dataset = pd.read_parquet(tmp_path / "fit_records.parquet"), open_dataset(str(tmp_path))
    records["label"] = [*dataset.labels("train"), *dataset.labels("validation")]
    chosen = np.linspace(0, len(records) - 1, 501).round().astype(int)
    sample = training_sample(str(tmp_path), 501, "label")
    pd.testing.assert_frame_equal(sample, records.iloc[chosen].reset_index(drop=True), check_dtype=False)
