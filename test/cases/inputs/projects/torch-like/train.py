"""A small network with a training loop of its own; it knows no MLflow."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd


class Net:
    def __init__(self, size, seed):
        dice = np.random.default_rng(seed)
        self.w1, self.w2 = dice.normal(size=(2, size)), dice.normal(size=size)

    def forward(self, X):
        self.hidden = np.tanh(X @ self.w1)
        return 1 / (1 + np.exp(-self.hidden @ self.w2))

    def backward(self, X, error, lr):
        into_hidden = np.outer(error, self.w2) * (1 - self.hidden**2)
        self.w2 -= lr * self.hidden.T @ error / len(X)
        self.w1 -= lr * X.T @ into_hidden / len(X)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--lr", type=float, default=0.5)
    parser.add_argument("--hidden", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output-dir", type=Path, default=Path("runs"))
    args = parser.parse_args()
    table = pd.read_csv(args.data)
    X, y = table[["x1", "x2"]].to_numpy(), table["ripe"].to_numpy()
    net = Net(args.hidden, args.seed)
    for epoch in range(args.epochs):
        net.backward(X[:60], net.forward(X[:60]) - y[:60], args.lr)
    right = float(((net.forward(X[60:]) > 0.5) == y[60:]).mean())
    args.output_dir.mkdir(parents=True, exist_ok=True)
    np.savez(args.output_dir / "model.npz", w1=net.w1, w2=net.w2)
    with open(args.output_dir / "metrics.json", "w") as file:
        json.dump({"test_accuracy": right, "epochs": args.epochs, "place": os.environ["FARM"]}, file)


if __name__ == "__main__":
    main()
