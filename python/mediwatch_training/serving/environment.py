"""Serves a model in its own environment: ``python -m mediwatch_training.serving.environment``.

What the model's ``requirements.txt`` names is installed once into a virtual environment that is named by its digest;
then the API runs in that. It sees our packages behind its own, so that only what differs is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from ..errors import StepError, log_to_stderr
from .registry import RegistryClient
from .settings import Settings

# Packages that the API itself needs, where the environment is of another Python than ours and cannot see ours.
_OWN = ["fastapi", "uvicorn", "pandas", "pyarrow", "scikit-learn", "pyyaml"]


def main() -> int:
    """Make the environment and become the API in it; return the exit code when that cannot be."""
    log_to_stderr()
    try:
        settings = Settings.from_environment(os.environ)
        client = RegistryClient(settings.tracking_uri)
        version = client.version(settings.model_name, settings.pinned_version or "")
        name = f"{settings.model_name} {version['version']}"

        def read(path: str) -> str | None:
            content = client.file(settings.model_name, version, path)
            return None if content is None else content.decode("utf-8")

        requirements = read("requirements.txt")
        if requirements is None:
            print(f"{name} names no packages (requirements.txt): set deployment.environment to ours", file=sys.stderr)
            return 3
        python = _python_of(read("python_env.yaml"))
        place = environment(Path(os.environ["MODEL_ENVIRONMENTS"]), python, requirements, read("constraints.txt"))
    except (StepError, ValueError, OSError) as error:
        print(getattr(error, "message", error), file=sys.stderr)
        return 3
    except subprocess.CalledProcessError as error:
        print(f"The packages of the model cannot be installed: {error}", file=sys.stderr)
        return 3
    os.execv(place, [place, "-m", "mediwatch_training.serving"])
    return 0


def environment(folder: Path, python: str, requirements: str, constraints: str | None) -> str:
    """Return the Python of an environment with these packages, which is made if there is none.

    Args:
        folder: Where environments are kept.
        python: The interpreter that it is made with.
        requirements: What to install, as ``pip install -r`` takes it.
        constraints: What ``-c constraints.txt`` in it names.
    """
    digest = hashlib.sha256("\0".join([python, sys.version, requirements, constraints or ""]).encode()).hexdigest()[:16]
    place = folder / digest
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            print(f"Installing the packages of the model into {place}", file=sys.stderr)
            _run([python, "-m", "venv", str(place)])
            _install(place, python, requirements, constraints)
            (place / ".complete").touch()
    return str(place / "bin" / "python")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _install(place: Path, python: str, requirements: str, constraints: str | None) -> None:
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    is_ours = python == sys.executable
    if is_ours:
        packages = next((place / "lib").glob("python*")) / "site-packages"
        (packages / "mediwatch-behind.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "requirements.txt").write_text(requirements, encoding="utf-8")
        if constraints is not None:
            (Path(work) / "constraints.txt").write_text(constraints, encoding="utf-8")
        _run([*pip, "-r", str(Path(work) / "requirements.txt"), *([] if is_ours else _OWN)])


def _python_of(python_env: str | None) -> str:
    """Return the interpreter of the model's Python, if it is here; ours otherwise."""
    import yaml

    described: object = yaml.safe_load(python_env) if python_env else None
    wanted = str(described.get("python", "")) if isinstance(described, dict) else ""
    minor = ".".join(wanted.split(".")[:2])
    if minor in ("", f"{sys.version_info.major}.{sys.version_info.minor}"):
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None:
        print(
            f"The model was logged with Python {wanted}, which is not here: {sys.version.split()[0]} runs it",
            file=sys.stderr,
        )
    return found or sys.executable


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
