"""Training steps of MediWatch: prepare, suggest, trial, train, evaluate, and the prediction API.

Each step is a pure function ``step(input, progress) -> result`` on JSON-shaped dictionaries. The same
functions run as plain commands (``python -m mediwatch_training``), in a warm process
(``python -m mediwatch_training.pool``) and in tests. Importing this package imports nothing heavy.
"""

__version__ = "0.1.0"
