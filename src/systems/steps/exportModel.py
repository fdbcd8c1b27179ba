"""Makes an MLflow model of a pickled or joblib-dumped one: `python exportModel.py MODEL_FILE FOLDER`.

It runs in the environment of the step, which can read the file; MLflow need not be there.
"""

import json
import pickle
import platform
import sys
from pathlib import Path


def read(path: str) -> object:
    """Return the model in a file that joblib or pickle has written."""
    try:
        import joblib
    except ImportError:
        with Path(path).open("rb") as file:
            return pickle.load(file)
    return joblib.load(path)


def main(path: str, folder: str) -> None:
    """Write the model as a plain pickle, and what it was made with."""
    # Classes of the project are found by the names that they had in its scripts.
    sys.path.insert(0, str(Path.cwd()))
    model = read(path)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with (target / "model.pkl").open("wb") as file:
        pickle.dump(model, file)
    sklearn = getattr(sys.modules.get("sklearn"), "__version__", None)
    environment = {"python": platform.python_version(), "sklearn": sklearn}
    (target / "environment.json").write_text(json.dumps(environment))


if __name__ == "__main__":
    main(*sys.argv[1:])
