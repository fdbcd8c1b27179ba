"""Makes an MLflow model of a pickled or joblib-dumped one: `python exportModel.py MODEL_FILE FOLDER`.

It runs in the environment of the step, which can read the file; MLflow need not be there.
"""

import json
import os
import pickle
import platform
import sys


def read(path):
    try:
        import joblib
    except ImportError:
        with open(path, "rb") as file:
            return pickle.load(file)
    return joblib.load(path)


def main(path, folder):
    # Classes of the project are found by the names that they had in its scripts.
    sys.path.insert(0, os.getcwd())
    model = read(path)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.pkl"), "wb") as file:
        pickle.dump(model, file)
    sklearn = sys.modules.get("sklearn")
    environment = {"python": platform.python_version(), "sklearn": getattr(sklearn, "__version__", None)}
    with open(os.path.join(folder, "environment.json"), "w") as file:
        json.dump({**environment, "estimator": hasattr(model, "predict")}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
