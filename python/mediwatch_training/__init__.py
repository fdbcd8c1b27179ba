"""MediWatch in Python: the steps of training, drift and report, and the prediction API.

Each step is a function ``step(input, progress) -> result`` on the typed dictionaries of `contract`. The same
functions run as plain commands (``python -m mediwatch_training``), in a warm process
(``python -m mediwatch_training.pool``) and in tests. Importing this package imports nothing heavy.
"""

import os

# Threads of OpenMP that wait for each other by spinning slow each other down badly where other processes want the
# cores too: a fit on two threads of a busy two-core machine took 38 s so, and 3 s when they sleep instead. OpenMP
# reads this when scikit-learn is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
