from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REAL_DATA, run
from sklearn.metrics import roc_auc_score

from mediwatch_training.dataset import open_dataset
from mediwatch_training.errors import DataInvalid, DataNotFound, InvalidInput
from mediwatch_training.training.prepare import SPLITS, split_rows
from mediwatch_training.training.table import read_table

ROWS, PATIENTS, READMITTED = 101_766, 71_518, 11_357


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    output = tmp_path_factory.mktemp("real")
    return run("prepare", dataPath=str(REAL_DATA), outputDir=str(output)), output


def small_csv(path: Path, rows: int = 400, target: str = "yes") -> Path:
    random = np.random.default_rng(0)
    values = random.normal(size=rows)
    frame = pd.DataFrame({"size": values, "colour": random.choice(["red", "green", "blue"], rows)})
    frame["outcome"] = np.where(values + random.normal(size=rows) > 0.5, target, "no")
    frame.to_csv(path, index=False)
    return path


def test_the_real_file_keeps_every_row_and_patient(real):
    result, _ = real
    assert (result["rows"], result["groups"], result["positives"]) == (ROWS, PATIENTS, READMITTED)
    for total in ("rows", "groups", "positives"):
        assert sum(split[total] for split in result["splits"].values()) == result[total]
    assert result["dataSha256"] == "0689e7ec031237dc63031b938805c48377748761a3b26acab621567afa24df97"


def test_no_patient_of_the_real_file_is_in_two_splits(real):
    result, output = real
    patients = read_table(str(REAL_DATA), ("patient_nbr",)).frame["patient_nbr"]
    codes, _ = split_rows(patients, len(patients), 42, 0.15, 0.15)
    members = [set(patients[codes == code]) for code in range(len(SPLITS))]
    assert not members[0] & members[1] and not members[0] & members[2] and not members[1] & members[2]
    for code, split in enumerate(SPLITS):
        assert len(np.load(output / f"y_{split}.npy")) == result["splits"][split]["rows"] == (codes == code).sum()


def test_splits_are_about_as_large_as_asked(real):
    result, _ = real
    for split, share in (("train", 0.70), ("validation", 0.15), ("test", 0.15)):
        assert result["splits"][split]["groups"] / PATIENTS == pytest.approx(share, abs=0.01)


def test_identifiers_and_the_target_are_no_features_and_codes_are_categories(real):
    kinds = {feature["name"]: feature["kind"] for feature in real[0]["features"]}
    assert not {"encounter_id", "patient_nbr", "readmitted"} & kinds.keys()
    for name in ("admission_type_id", "discharge_disposition_id", "admission_source_id"):
        assert kinds[name] == "categorical"
    assert kinds["num_medications"] == "numeric"


def test_two_runs_write_the_same_bytes(sample_csv, sample_dataset, tmp_path):
    run("prepare", dataPath=str(sample_csv), outputDir=str(tmp_path))
    names = sorted(path.name for path in sample_dataset.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (sample_dataset / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_another_seed_splits_otherwise(sample_csv, sample_dataset, tmp_path):
    run("prepare", dataPath=str(sample_csv), outputDir=str(tmp_path), seed=7)
    assert (sample_dataset / "y_test.npy").read_bytes() != (tmp_path / "y_test.npy").read_bytes()


def test_a_patient_stays_in_its_split_when_the_data_grows():
    patients = pd.Series([f"p{number}" for number in range(1000)])
    before, _ = split_rows(patients[:500], 500, 42, 0.15, 0.15)
    after, _ = split_rows(patients, 1000, 42, 0.15, 0.15)
    assert (before == after[:500]).all()


def test_any_csv_with_a_target_of_two_kinds_will_do(tmp_path):
    data = small_csv(tmp_path / "other.csv")
    result = run(
        "prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), target="outcome", positive="yes", group=None
    )
    assert result["rows"] == result["groups"] == 400
    assert {f["name"]: f["kind"] for f in result["features"]} == {"colour": "categorical", "size": "numeric"}
    score = run("trial", datasetDir=str(tmp_path / "o"), params={"min_samples_leaf": 10})["score"]
    assert 0.6 < score <= 1


def test_a_numeric_target_is_compared_as_written(tmp_path):
    data = small_csv(tmp_path / "other.csv")
    frame = pd.read_csv(data)
    frame["outcome"] = (frame["outcome"] == "yes").astype(int)
    frame.to_csv(data, index=False)
    result = run(
        "prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), target="outcome", positive="1", group=None
    )
    assert result["positives"] == int(frame["outcome"].sum())


def test_the_example_is_raw_records(sample_dataset):
    records = json.loads((sample_dataset / "input_example.json").read_text())
    assert len(records) == 5 and records[0]["age"].startswith("[")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataNotFound, match=r"nowhere\.csv") as caught:
        run("prepare", dataPath=str(tmp_path / "nowhere.csv"), outputDir=str(tmp_path / "o"))
    assert caught.value.field == "dataPath"


def test_a_missing_target_names_the_columns_and_the_setting(tmp_path):
    data = small_csv(tmp_path / "other.csv")
    with pytest.raises(DataInvalid, match=r"'readmitted'.*size, colour, outcome.*target") as caught:
        run("prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), drop=["colour"])
    assert caught.value.field == "target"


@pytest.mark.parametrize(
    "content",
    [
        b"root:x:0:0,root:/bin/sh\n1,2\n",
        b"root:x:0:0,root:x:0:0\n1,2\n",
        b"root:x:0:0,b\ncaf\xe9,2\n",
        b"root:x:0:0\nroot:x:0:0,root:x:0:0\n",
        b"\x00root:x:0:0\xff\n",
    ],
)
def test_nothing_is_quoted_of_a_file_that_is_not_like_the_configured_data(tmp_path, content):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(DataInvalid) as caught:
        run("prepare", dataPath=str(tmp_path / "secret"), outputDir=str(tmp_path / "o"))
    assert "root" not in str(caught.value).replace(str(tmp_path), "")


def test_a_missing_group_names_the_setting(tmp_path):
    data = small_csv(tmp_path / "other.csv")
    with pytest.raises(DataInvalid, match=r"'patient_nbr'.*group"):
        run("prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), target="outcome", positive="yes")


def test_the_positive_value_of_other_data_is_found_out_and_said(tmp_path):
    data = small_csv(tmp_path / "other.csv")
    result = run("prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), target="outcome", group=None)
    assert (result["task"], result["positive"], result["classes"]) == ("binary", "yes", None)


def test_one_class_only_is_refused(tmp_path):
    data = small_csv(tmp_path / "other.csv", target="no")
    with pytest.raises(DataInvalid, match="nothing to tell apart"):
        run("prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), target="outcome", positive="no", group=None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"size,outcome\n", "no rows"),
        (b"size,outcome\n1,2,3\n", "not a CSV file"),
        (b"outcome,outcome\n1,2\n", "more than one column"),
        (b"\x1f\x8bgarbage", "damaged gzip"),
        (b"\xff\xfe\x00\x01,outcome\n\xff,1\n", "not a CSV file"),
    ],
)
def test_files_that_are_no_data_are_explained(tmp_path, content, message):
    data = tmp_path / "bad.csv"
    data.write_bytes(content)
    with pytest.raises(DataInvalid, match=message):
        run("prepare", dataPath=str(data), outputDir=str(tmp_path / "o"), target="outcome", group=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", -1), ("seed", "x"), ("testFraction", 0), ("testFraction", 1.5), ("drop", "a"), ("colour", 1)],
)
def test_a_wrong_field_is_named(sample_csv, tmp_path, field, value):
    with pytest.raises(InvalidInput) as caught:
        run("prepare", dataPath=str(sample_csv), outputDir=str(tmp_path), **{field: value})
    assert caught.value.field == field


def test_categories_are_paired_with_the_column_that_says_most(real):
    _, output = real
    meta = json.loads((output / "dataset.json").read_text())
    pairs = open_dataset(str(output)).refitted_encoder()[0].transformers_[-1]
    assert pairs[0] == "pairs" and pairs[2][0] == "discharge_disposition_id" and "diag_1" in pairs[2]
    assert meta["pairColumns"] == len(pairs[2]) - 1


def test_nothing_in_a_dataset_runs_when_it_is_loaded(real, tmp_path):
    _, output = real
    assert {path.suffix for path in output.iterdir()} == {".json", ".npy", ".parquet"}
    forged = tmp_path / "forged"
    shutil.copytree(output, forged)
    (forged / "X_train.npy").unlink()
    np.save(forged / "X_train.npy", np.array([{"runs": "code"}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"allow_pickle=False|memory-mapped"):
        open_dataset(str(forged)).features("train")


def test_no_training_row_sees_its_own_label(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "name": [f"n{number}" for number in random.integers(0, 600, 3000)],
            "half": random.choice(list("abcdefg"), 3000),
        }
    )
    frame["outcome"] = random.choice(["yes", "no"], 3000)
    frame.to_csv(tmp_path / "noise.csv", index=False)
    values = {"target": "outcome", "positive": "yes", "group": None}
    run("prepare", dataPath=str(tmp_path / "noise.csv"), outputDir=str(tmp_path / "o"), **values)
    dataset = open_dataset(str(tmp_path / "o"))
    for X, y in ((dataset.features("train"), dataset.labels("train")), dataset.refitted_encoder()[1:]):
        for column in X.T:
            assert abs(roc_auc_score(y, column) - 0.5) < 0.08
