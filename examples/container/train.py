"""Fits a logistic regression with nothing but the standard library, in a container.

It reads a CSV file and writes model.json and metrics.json into a folder.
"""

import argparse
import csv
import gzip
import json
import math
import random
from pathlib import Path

FEATURES = ["time_in_hospital", "num_medications", "number_emergency", "number_inpatient", "number_diagnoses"]


def read(path, limit):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if number == limit:
                return
            held_out = int(row["patient_nbr"]) % 100 >= 80
            yield [float(row[name]) / 10 for name in FEATURES], row["readmitted"] == "<30", held_out


def probability(weights, values):
    total = weights[-1] + sum(weight * value for weight, value in zip(weights, values))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def auc(scored):
    """Return the area under the ROC curve from pairs (score, label), by ranks."""
    ordered = sorted(scored)
    positives = sum(label for _, label in ordered)
    ranks, start = 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        # Equal scores share the mean of their ranks.
        ranks += (start + 1 + end) / 2 * sum(label for _, label in ordered[start:end])
        start = end
    return (ranks - positives * (positives + 1) / 2) / (positives * (len(ordered) - positives))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    rows = list(read(args.data, args.rows))
    train = [(values, label) for values, label, held_out in rows if not held_out]
    weights = [0.0] * (len(FEATURES) + 1)
    shuffle = random.Random(0).shuffle
    for epoch in range(args.epochs):
        shuffle(train)
        for values, label in train:
            error = label - probability(weights, values)
            for index, value in enumerate([*values, 1.0]):
                weights[index] += args.rate * error * value
        print(f"epoch {epoch + 1} of {args.epochs}", flush=True)

    test = [(probability(weights, values), label) for values, label, held_out in rows if held_out]
    out = Path(args.out)
    (out / "model.json").write_text(json.dumps({"features": FEATURES, "weights": weights}))
    (out / "metrics.json").write_text(json.dumps({"test_auc": auc(test)}))


if __name__ == "__main__":
    main()
