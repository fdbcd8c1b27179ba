import os
import hydra
import joblib
import mlflow
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> float:
    mlflow.set_experiment(cfg.experiment_name)
    df = pd.read_csv(cfg.data.path)
    train, val = train_test_split(df, test_size=cfg.data.test_size, random_state=cfg.seed)
    model = instantiate(cfg.model)
    with mlflow.start_run():
        model.fit(train.drop(columns=cfg.data.target), train[cfg.data.target])
        auc = roc_auc_score(val[cfg.data.target], model.predict_proba(val.drop(columns=cfg.data.target))[:, 1])
        mlflow.log_metric("val_auc", auc)
        mlflow.sklearn.log_model(model, artifact_path="fraud_model")
    os.makedirs(cfg.output_dir, exist_ok=True)
    joblib.dump(model, os.path.join(cfg.output_dir, "model.joblib"))
    return auc

if __name__ == "__main__":
    main()
