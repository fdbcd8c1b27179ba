from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from conftest import PACKAGE_ROOT

from mediwatch_training.serving.environment import environment
from mediwatch_training.serving.model import missing_package


def test_a_missing_package_is_named_wherever_it_was_missed():
    try:
        try:
            raise ModuleNotFoundError("No module named 'xgboost.core'", name="xgboost.core")
        except ModuleNotFoundError as error:
            raise RuntimeError("cannot be unpickled") from error
    except RuntimeError as error:
        assert missing_package(error) == "xgboost"
    assert missing_package(ValueError("something else")) is None


def wheel(folder: Path, version: str) -> None:
    """Write a package of one module, as an index would have it."""
    info = f"tinyscale-{version}.dist-info"
    with zipfile.ZipFile(folder / f"tinyscale-{version}-py3-none-any.whl", "w") as file:
        file.writestr("tinyscale.py", f"VERSION = {version!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tinyscale\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")


def test_an_environment_is_made_once_for_its_packages_and_has_ours_behind_them(tmp_path: Path, monkeypatch):
    index = tmp_path / "index"
    index.mkdir()
    wheel(index, "1.0")
    wheel(index, "2.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    folder, ran = tmp_path / "environments", []

    def run(command: list[str]) -> None:
        ran.append(command[1:3])
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    python = environment(folder, sys.executable, "tinyscale\n-c constraints.txt\n", "tinyscale==1.0\n", run)
    seen = "import tinyscale, mediwatch_training.serving.api; print(tinyscale.VERSION)"
    said = subprocess.run(
        [python, "-c", seen], env={"PYTHONPATH": str(PACKAGE_ROOT)}, capture_output=True, text=True, check=True
    )
    assert said.stdout == "1.0\n"
    assert environment(folder, sys.executable, "tinyscale\n-c constraints.txt\n", "tinyscale==1.0\n", run) == python
    assert ran == [["-m", "venv"], ["-m", "pip"]]
