"""Serves predictions: ``python -m mediwatch_training.serving``."""

import json
import os
import sys
from pathlib import Path

from ..libraries import import_ahead

if __name__ == "__main__":
    # The prediction log holds records of patients.
    os.umask(0o077)
    secrets = os.environ.pop("MEDIWATCH_SECRETS_FILE", "")
    if secrets:
        os.environ.update(json.loads(Path(secrets).read_bytes()))
    import_ahead("mediwatch_training.serving.api")
    from .api import main

    sys.exit(main())
