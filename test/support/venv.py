"""Makes a virtual environment once: ``python venv.py FOLDER REQUIREMENTS``.

Whoever asks for one that is being made waits. The lock is the system's own: it is free when its holder has died, and
what that one left is made again.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

folder, requirements = Path(sys.argv[1]), sys.argv[2]
ready = folder / "ready"
folder.parent.mkdir(parents=True, exist_ok=True)
with folder.with_suffix(".lock").open("w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True, symlinks=True)
        # Byte code is made now, or every start of MLflow compiles its sources again.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        options = ["--no-input", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
        subprocess.run(
            [folder / "bin/python", "-m", "pip", "install", *options, "-r", requirements],
            check=True,
            env=environment,
            stdout=sys.stderr,
        )
        ready.touch()
