"""Serves predictions: ``python -m mediwatch_training.serving``."""

import os
import sys

from ..libraries import import_ahead

if __name__ == "__main__":
    # The prediction log holds records of patients.
    os.umask(0o077)
    import_ahead("mediwatch_training.serving.api")
    from .api import main

    sys.exit(main())
