"""Imports what takes long."""

import gc
import importlib

#: What a model of scikit-learn needs.
SKLEARN = ("sklearn.ensemble", "sklearn.pipeline", "sklearn.compose")


def import_ahead(*modules: str) -> None:
    """Import modules that stay until the process ends.

    The search for garbage among what they make would take a fifth of the time, and at the end of the process a second.
    It is left out, now and later.

    Raises:
        ImportError: One of them cannot be imported; those after it are not.
    """
    gc.disable()
    try:
        for module in modules:
            importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()
