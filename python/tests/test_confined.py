"""Registered models are loaded where they can do no harm, by models that try to do some."""

from __future__ import annotations

import os
import pickle
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow
import pytest
from conftest import run

from mediwatch_training import loading
from mediwatch_training.dataset import open_dataset
from mediwatch_training.errors import ModelChanged, ModelLoadFailed, ModelMismatch, StepError
from mediwatch_training.loading.files import fetch_model, manifest, sha256

ROOT = os.geteuid() == 0


class Loaded:
    """A model whose loading runs code in whatever process loads it."""

    def __init__(self, code: str, model: object) -> None:
        self._code, self._model = code, pickle.dumps(model)

    def __reduce__(self) -> tuple[Any, ...]:
        return _run_first, (self._code, self._model)


def _run_first(code: str, model: bytes) -> object:
    import pickle

    scope: dict[str, Any] = {}
    exec(code, scope)
    loaded = pickle.loads(model)
    return scope["wrap"](loaded) if "wrap" in scope else loaded


cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def register(mlflow_uri: str, trained: dict[str, Any]):
    """Register a model whose loading runs code first; gives what `evaluate` calls it."""
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    good = mlflow.sklearn.load_model(trained["modelUri"])
    made: list[str] = []

    def make(code: str) -> str:
        from sklearn.pipeline import Pipeline

        class Evil(Pipeline):
            def __reduce__(self) -> Any:
                return _run_first, (code, pickle.dumps(good))

        with mlflow.start_run():
            info = mlflow.sklearn.log_model(
                Evil(good.steps), name="model", serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
            )
        made.append(info.model_uri)
        return info.model_uri

    return make


def evaluate(sample_dataset: Path, mlflow_uri: str, *uris: str, **values: Any) -> dict[str, Any]:
    models = [{"id": str(number), "uri": uri} for number, uri in enumerate(uris)]
    return run("evaluate", datasetDir=str(sample_dataset), trackingUri=mlflow_uri, models=models, **values)


def test_a_model_cannot_change_its_score_nor_that_of_another(register, trained, sample_dataset, mlflow_uri):
    evil = register(
        "import sklearn.metrics, sys\n"
        "sklearn.metrics.roc_auc_score = lambda *_, **__: 0.999\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.startswith('mediwatch_training') and hasattr(module, 'scores'):\n"
        "        module.scores = lambda *_, **__: {'auc': 0.999}\n"
    )
    both = evaluate(sample_dataset, mlflow_uri, evil, trained["modelUri"])
    later = evaluate(sample_dataset, mlflow_uri, trained["modelUri"])
    expected = pytest.approx(trained["metrics"]["test_auc"], abs=1e-9)
    assert [both["models"][name]["test_auc"] for name in ("0", "1")] == [expected, expected]
    assert later["models"]["0"]["test_auc"] == expected


def test_it_sees_no_secret_and_no_label(register, sample_dataset, mlflow_uri, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "planted-secret")
    seen = tmp_path / "seen"
    seen.touch()
    seen.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    evil = register(
        "import os, gc\n"
        f"out = open({str(seen)!r}, 'w')\n"
        "out.write(repr(dict(os.environ)) + open('/proc/self/environ').read())\n"
        "out.write('columns ' + repr([sorted(o) for o in gc.get_objects() if type(o).__name__ == 'DataFrame']))\n"
        "out.close()\n"
    )
    result = evaluate(sample_dataset, mlflow_uri, evil)
    text = seen.read_text()
    assert "PATH" in text and "planted-secret" not in text and "MLFLOW" not in text
    assert "readmitted" not in text
    assert result["needs"]["0"] == [{"code": "write", "detail": str(seen)}]


def test_what_it_reaches_for_is_named(register, sample_dataset, mlflow_uri, trained, tmp_path):
    evil = register(
        "import os, socket, subprocess\n"
        "s = socket.socket(); s.settimeout(1)\n"
        "try: s.connect(('127.0.0.1', 9))\n"
        "except OSError: pass\n"
        "try: subprocess.run(['true'])\n"
        "except OSError: pass\n"
        f"try: open({str(tmp_path / 'made')!r}, 'w')\n"
        "except OSError: pass\n"
    )
    result = evaluate(sample_dataset, mlflow_uri, evil, trained["modelUri"])
    assert [need["code"] for need in result["needs"]["0"]] == ["network", "process", "write"]
    assert "9" in result["needs"]["0"][0]["detail"] and result["needs"]["0"][1]["detail"] == "true"
    assert result["needs"]["1"] == []


@pytest.mark.skipif(not ROOT, reason="only root may become another user")
def test_it_runs_as_a_user_that_owns_nothing(register, sample_dataset, mlflow_uri, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of root alone")
    secret.chmod(0o600)
    evil = register(f"open({str(secret)!r}).read()")
    with pytest.raises(ModelLoadFailed, match="PermissionError"):
        evaluate(sample_dataset, mlflow_uri, evil)
    with pytest.raises(ModelLoadFailed, match=r"ImportError: 6[1-5]\d{3}$"):
        evaluate(sample_dataset, mlflow_uri, register("import os; raise ImportError(os.getuid())"))


def test_it_leaves_no_process_and_no_file_behind(register, sample_dataset, mlflow_uri, tmp_path):
    evil = register(
        "import os, time\n"
        "open('/proc/self/comm', 'w').write('left-behind')\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
    )
    result = evaluate(sample_dataset, mlflow_uri, evil)
    assert "process" in [need["code"] for need in result["needs"]["0"]]
    assert "left-behind" not in _running()


def test_it_has_limits(register, sample_dataset, mlflow_uri):
    with pytest.raises(ModelLoadFailed, match="MemoryError"):
        evaluate(sample_dataset, mlflow_uri, register("x = bytearray(6 * 2**30)"), memoryMb=1024)
    with pytest.raises(ModelLoadFailed, match=r"ended|OSError"):
        evaluate(sample_dataset, mlflow_uri, register("open('big', 'wb').truncate(2**33)"))
    with pytest.raises(ModelLoadFailed, match="ended"):
        evaluate(sample_dataset, mlflow_uri, register("import os; os._exit(0)"))


@pytest.mark.parametrize(
    "answer",
    [
        "X.shape[0] * [[0.5, float('nan')]]",
        "[[0.5, 0.5]]",
    ],
)
def test_an_answer_that_is_no_probability_a_record_is_refused(register, sample_dataset, mlflow_uri, answer):
    evil = register(
        f"def wrap(model):\n    class Other:\n        def predict_proba(self, X): return {answer}\n    return Other()\n"
    )
    with pytest.raises(ModelMismatch):
        evaluate(sample_dataset, mlflow_uri, evil)


def test_what_it_writes_to_its_parent_is_believed_only_as_numbers(register, sample_dataset, mlflow_uri):
    forged = 'b\'{"values": [2], "error": 5}\''
    evil = register(
        "import os, stat, struct\n"
        "for fd in map(int, os.listdir('/proc/self/fd')):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n"
        f"            os.write(fd, struct.pack('!i', {len(eval(forged))}) + {forged})\n"
        "    except OSError: pass\n"
    )
    with pytest.raises(StepError):
        evaluate(sample_dataset, mlflow_uri, evil)


def test_a_file_that_was_changed_is_named_and_nothing_is_loaded(trained, sample_dataset, mlflow_uri, tmp_path):
    files = manifest(fetch_model(trained["modelUri"], mlflow_uri, str(tmp_path), None))
    recorded = {"digest": sha256(files.encode()), "files": files}
    model = {"id": "1", "uri": trained["modelUri"], "recorded": recorded}
    values = {"datasetDir": str(sample_dataset), "trackingUri": mlflow_uri}
    assert run("evaluate", **values, models=[model])["models"]["1"]["test_auc"] > 0.5
    # The same model by the name of its run; of a script, it lies among the other files of the run.
    in_run = {**model, "uri": f"runs:/{trained['runId']}/model"}
    assert run("evaluate", **values, models=[in_run])["models"]["1"]["test_auc"] > 0.5
    other = "".join(f"{'0' * 64}{line[64:]}" if "MLmodel" in line else line for line in files.splitlines(True))
    changed = {"digest": sha256(other.encode()), "files": other}
    with pytest.raises(ModelChanged, match=r"^MLmodel of models:/m-"):
        run("evaluate", **values, models=[{**model, "recorded": changed}])
    with pytest.raises(ModelChanged, match="one of its files"):
        run("evaluate", **values, models=[{**model, "recorded": {"digest": "0" * 64, "files": None}}])


def _running() -> list[str]:
    """Return the names of all processes; those of other tests run beside these."""
    found = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            found.append(file.read_text().strip())
    return found


def test_the_records_of_a_model_are_those_of_the_test_split(sample_dataset):
    assert not {"readmitted", "patient_nbr"} & set(open_dataset(str(sample_dataset)).test_records.columns)


def test_only_the_child_and_the_api_load_anything():
    package = Path(loading.__file__).parents[1]
    loads = re.compile(r"\b(pickle\.loads?|joblib\.load|loader_of|load_any|load_pipeline)\(")
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if loads.search(path.read_text())}
    # The last one reads what the tasks of its own run have written.
    assert found == {
        "loading/child.py",
        "models.py",
        "serving/model.py",
        "serving/registry.py",
        "airflow_task/context.py",
    }
