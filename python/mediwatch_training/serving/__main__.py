"""Serves predictions: ``python -m mediwatch_training.serving``."""

import os
import sys

from .api import main

if __name__ == "__main__":
    # The prediction log holds records of patients.
    os.umask(0o077)
    sys.exit(main())
