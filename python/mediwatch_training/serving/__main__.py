"""Serves predictions: ``python -m mediwatch_training.serving``."""

import sys

from .api import main

if __name__ == "__main__":
    sys.exit(main())
