from __future__ import annotations

import json
import subprocess
import sys

from conftest import child_environment, run


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mediwatch_training", *arguments],
        env=child_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )


def test_flags_give_a_result_on_stdout(sample_dataset):
    done = command("trial", "--dataset", str(sample_dataset), "--params", '{"max_iter": 3}', "--seed", "5")
    assert done.returncode == 0, done.stderr
    expected = run("trial", datasetDir=str(sample_dataset), params={"max_iter": 3}, seed=5)
    assert json.loads(done.stdout)["score"] == expected["score"]


def test_files_named_in_the_environment_are_used(tmp_path):
    (tmp_path / "in.json").write_text('{"count": 2}')
    done = command(
        "suggest", MEDIWATCH_INPUT=str(tmp_path / "in.json"), MEDIWATCH_RESULT=str(tmp_path / "out" / "result.json")
    )
    assert done.returncode == 0 and done.stdout == ""
    assert len(json.loads((tmp_path / "out" / "result.json").read_text())["result"]["params"]) == 2


def test_an_error_is_one_line_and_goes_to_the_result_file(tmp_path):
    done = command("prepare", "--data", "nowhere.csv", "--out", "o", MEDIWATCH_RESULT=str(tmp_path / "result.json"))
    assert done.returncode == 2
    assert "prepare: There is no data file nowhere.csv" in done.stderr and "Traceback" not in done.stderr
    error = json.loads((tmp_path / "result.json").read_text())["error"]
    assert error == {"type": "DataNotFound", "message": error["message"], "retryable": False, "field": "dataPath"}


def test_no_input_and_unreadable_input_are_explained(tmp_path):
    assert command("trial").returncode == 2
    (tmp_path / "in.json").write_text("{")
    done = command("suggest", MEDIWATCH_INPUT=str(tmp_path / "in.json"))
    assert done.returncode == 2 and "not JSON" in done.stderr


def test_help_lists_every_step():
    done = command("--help")
    for step in ("prepare", "suggest", "trial", "train", "train-and-register", "evaluate", "register"):
        assert step in done.stdout


def test_the_run_and_the_server_come_from_mlflows_own_variables(sample_dataset, mlflow_uri, trained):
    done = command(
        "evaluate",
        "--dataset",
        str(sample_dataset),
        "--models",
        '[{"id": "a", "uri": "models:/Sample/1"}]',
        MLFLOW_TRACKING_URI=mlflow_uri,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"]["a"]["test_auc"] == trained["metrics"]["test_auc"]
