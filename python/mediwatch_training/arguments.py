"""The flags of the plain commands, and how they become a step's JSON input."""

from __future__ import annotations

import argparse
import json
from typing import Any

_DATASET = ("--dataset", "datasetDir", str, "directory that prepare wrote")
_MODEL = ("--model", "model", str, "hgb (gradient boosting, default) or rf (random-forest baseline)")
_SEED = ("--seed", "seed", int, "seed of everything random (default 42)")
_THREADS = ("--threads", "threads", int, "threads to use (default 1)")
_PARAMS = (
    "--params",
    "params",
    json.loads,
    "parameters as JSON, such as '{\"learning_rate\": 0.1}' (default: the model's)",
)
_TRACKING = ("--tracking-uri", "trackingUri", str, "MLflow server (default: MLFLOW_TRACKING_URI)")
_TRIALS = ("--trials", "trials", json.loads, "trials so far, as a JSON list of {number, params, state, score}")

_VERSION_HELP = 'the new version as JSON: {"version": "3", "uri": "models:/Name/3"}'

# Step: what it does, and its flags (name, input field, type, help); those of type list take several values.
_COMMANDS: dict[str, tuple[str, list[tuple[str, str, Any, str]]]] = {
    "prepare": (
        "Split a CSV file by group into train, validation and test, encode it, and write arrays.",
        [
            ("--data", "dataPath", str, "the .csv or .csv.gz file"),
            ("--out", "outputDir", str, "directory to write"),
            _SEED,
            ("--test-fraction", "testFraction", float, "share of groups in the test split (default 0.15)"),
            ("--validation-fraction", "validationFraction", float, "share in the validation split (default 0.15)"),
            ("--target", "target", str, "column to predict (default readmitted)"),
            ("--positive", "positive", str, "its value that counts as positive (default <30)"),
            ("--group", "group", str, 'column whose values stay in one split (default patient_nbr; "" for none)'),
            ("--drop", "drop", list, "columns that the model must not read (default the identifiers)"),
            ("--id-categories", "idCategories", list, "numeric columns that are categories"),
        ],
    ),
    "suggest": (
        "Propose the next parameters of a search.",
        [
            _MODEL,
            ("--sampler", "sampler", str, "tpe (default) or random"),
            _SEED,
            ("--count", "count", int, "how many parameter sets (default 1)"),
            _TRIALS,
            ("--space", "space", json.loads, "search space as JSON instead of the model's own"),
        ],
    ),
    "trial": (
        "Fit one parameter set and score it on the validation split.",
        [_DATASET, _MODEL, _PARAMS, _SEED, _THREADS],
    ),
    "train": ("Fit on train and validation, score the test split, log to MLflow.", []),
    "train-and-register": ("As train; with --register also make a version of a registered model.", []),
    "register": (
        "Register the model of a run as a new version, once.",
        [
            ("--name", "name", str, "registered model"),
            ("--run-id", "runId", str, "run that the model belongs to"),
            ("--source", "source", str, "where the model's files are, as train says"),
            ("--model-id", "modelId", str, "logged model, as train says"),
            _TRACKING,
        ],
    ),
    "evaluate": (
        "Score models on the test split of a dataset.",
        [
            _DATASET,
            ("--models", "models", json.loads, 'JSON list such as \'[{"id": "3", "uri": "models:/Name/3"}]\''),
            ("--bootstrap", "bootstrap", json.loads, "JSON such as '{\"samples\": 1000}': interval of the difference"),
            _TRACKING,
        ],
    ),
    "report": (
        "Log an HTML page about a new version to its run: comparison, curves, subgroups, search, lineage.",
        [
            _DATASET,
            _THREADS,
            _TRACKING,
            ("--run-id", "runId", str, "MLflow run to log the page to (default: MLFLOW_RUN_ID)"),
            ("--registered-model", "registeredModel", str, "name of the registered model"),
            ("--challenger", "challenger", json.loads, _VERSION_HELP),
            ("--champion", "champion", json.loads, "the version it is compared with, likewise (default: none)"),
            ("--search", "search", json.loads, "JSON with trials, metric, direction (default: no search)"),
            ("--lineage", "lineage", json.loads, "JSON with workflowId, trigger, data, seed, … (default: unknown)"),
            ("--outcome", "outcome", json.loads, "JSON with stage, promoted, reason (default: undecided)"),
        ],
    ),
    "monitor": (
        "Compare the newest rows of a prediction log with earlier ones or the training data: a drift report.",
        [
            ("--log", "log", str, "CSV or Parquet file, folder of them, or glob"),
            ("--out", "outputDir", str, "directory for the report in HTML and JSON, and for drift.json"),
            ("--min-rows", "minRows", int, "rows that each window must have (default 50)"),
            ("--current-rows", "currentRows", int, "newest rows, at most half of the log (default 1000)"),
            ("--reference-rows", "referenceRows", int, "rows before those (default 5000)"),
            ("--current-hours", "currentHours", float, "current window by time instead"),
            ("--reference-hours", "referenceHours", float, "reference window by time instead"),
            ("--reference", "reference", str, "log (default) or training"),
            ("--dataset", "datasetDir", str, "directory that prepare wrote, for the reference training"),
            ("--columns", "columns", list, "features to compare (default: all)"),
            ("--drop", "drop", list, "columns of the log that are no features (default: the identifiers)"),
            ("--id-categories", "idCategories", list, "numeric columns that are categories"),
            ("--method", "method", str, "test or distance, as Evidently names it (default: its own choice)"),
            ("--threshold", "threshold", float, "threshold of the method (default: its own)"),
            ("--drift-share", "driftShare", float, "share of drifted features that is drift (default 0.5)"),
            ("--labels", "labels", str, "CSV or Parquet file with event_id and the outcome"),
            ("--label-column", "labelColumn", str, "column of the outcome (default label)"),
        ],
    ),
    "drift-document": (
        "Turn a drift report of Evidently 0.4 or 0.7 into the drift document that the gate judges.",
        [("--report", "report", str, 'the JSON file, or "-" for standard input')],
    ),
}
_TRAIN_FLAGS = [
    _DATASET,
    _MODEL,
    _PARAMS,
    _SEED,
    _THREADS,
    _TRACKING,
    ("--run-id", "runId", str, "existing MLflow run to log to (default: MLFLOW_RUN_ID, else a new run)"),
    ("--experiment", "experiment", str, "experiment of a new run (default mediwatch)"),
]
_COMMANDS["train"][1].extend(_TRAIN_FLAGS)
_COMMANDS["train-and-register"][1].extend(
    [*_TRAIN_FLAGS, ("--register", "register", str, "registered model to make a version of")]
)


def parse_arguments(argv: list[str], input_required: bool) -> tuple[str, dict[str, Any]]:
    """Return the step's name and its input as far as flags give it.

    Args:
        argv: Command line without the program's name.
        input_required: Whether the flags are all the input there is. A wrong command line ends the process with
            exit code 2 and a message, as `argparse` does.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mediwatch_training",
        description="Training steps of MediWatch, one command each. The result is printed as JSON.",
        epilog="MEDIWATCH_INPUT and MEDIWATCH_RESULT name JSON files to use instead of flags and stdout.",
    )
    commands = parser.add_subparsers(dest="step", required=True, metavar="step")
    for step, (summary, flags) in _COMMANDS.items():
        command = commands.add_parser(step, help=summary, description=summary)
        for flag, field, kind, text in flags:
            options = {"nargs": "*"} if kind is list else {"type": kind}
            command.add_argument(flag, dest=field, help=text, default=argparse.SUPPRESS, **options)
    values = vars(parser.parse_args(argv))
    step = values.pop("step")
    if input_required and not values:
        commands.choices[step].error("no input: give flags (see --help), or set MEDIWATCH_INPUT")
    if values.get("group") == "":
        values["group"] = None
    return step, values
