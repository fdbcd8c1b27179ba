"""Trains a small PyTorch network on a CSV file, on the CPU, and logs model and scores to MLflow."""

import argparse

import mlflow
import mlflow.pytorch
import numpy as np
import pandas as pd
import torch
from mlflow.models import infer_signature
from sklearn.metrics import roc_auc_score

FEATURES = [
    "time_in_hospital",
    "num_lab_procedures",
    "num_procedures",
    "num_medications",
    "number_outpatient",
    "number_emergency",
    "number_inpatient",
    "number_diagnoses",
]


class Network(torch.nn.Module):
    """Takes features as they are in the file, and gives a probability."""

    def __init__(self, means, spreads, width, dropout):
        super().__init__()
        self.register_buffer("means", means)
        self.register_buffer("spreads", spreads)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(len(means), width),
            torch.nn.ReLU(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(width, 1),
        )

    def forward(self, features):
        scaled = torch.nan_to_num((features - self.means) / self.spreads)
        return torch.sigmoid(self.layers(scaled))


def read(path, rows):
    frame = pd.read_csv(path, na_values="?", low_memory=False, nrows=rows)
    # A patient is in one part only: the parts are cut by the patient's number.
    part = np.random.default_rng(0).permutation(1 << 16)[frame["patient_nbr"].to_numpy() % (1 << 16)] / (1 << 16)
    features = frame[FEATURES].astype("float32")
    return features, (frame["readmitted"] == "<30").to_numpy("float32"), part


def fit(network, features, labels, args):
    optimizer = torch.optim.Adam(network.parameters(), lr=args.learning_rate)
    network.train()
    for _ in range(args.epochs):
        for batch in torch.randperm(len(features)).split(512):
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy(network(features[batch]), labels[batch])
            loss.backward()
            optimizer.step()
    network.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="CSV file, plain or gzipped")
    parser.add_argument("--rows", type=int, default=30000)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(1)
    features, labels, part = read(args.data, args.rows)
    train, valid, test = part < 0.7, (part >= 0.7) & (part < 0.85), part >= 0.85
    tensors, targets = torch.tensor(features.to_numpy()), torch.tensor(labels).unsqueeze(1)
    network = Network(tensors[train].mean(0), tensors[train].std(0), args.width, args.dropout)
    with mlflow.start_run():
        mlflow.log_params({name: value for name, value in vars(args).items() if name != "data"})
        fit(network, tensors[train], targets[train], args)
        with torch.no_grad():
            probabilities = network(tensors).numpy()
        for name, rows in {"valid_auc": valid, "holdout_auc": test}.items():
            score = roc_auc_score(labels[rows], probabilities[rows])
            mlflow.log_metric(name, score)
            print(f"{name}={score:.4f}")
        mlflow.pytorch.log_model(
            network,
            name="network",
            serialization_format="pickle",
            signature=infer_signature(features[test].head(2), probabilities[test][:2]),
            pip_requirements=["mlflow==3.17.2", "torch==2.15.0", "pandas==2.3.3"],
        )


if __name__ == "__main__":
    main()
