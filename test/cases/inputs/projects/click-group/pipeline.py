import click, yaml, joblib, json, os
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

@click.group()
@click.option("--config", default="conf/base.yaml", type=click.Path(exists=True))
@click.pass_context
def cli(ctx, config):
    with open(config) as f:
        ctx.obj = yaml.safe_load(f)

@cli.command()
@click.pass_obj
def prepare(cfg):
    """Split."""
    df = pd.read_csv(cfg["data"]["raw"])
    tr, te = train_test_split(df)
    os.makedirs(cfg["data"]["out"], exist_ok=True)
    tr.to_csv(os.path.join(cfg["data"]["out"], "train.csv"), index=False)
    te.to_csv(os.path.join(cfg["data"]["out"], "test.csv"), index=False)

@cli.command("fit")
@click.option("--c", "c", default=1.0, type=float, help="inverse regularisation")
@click.option("--balanced/--no-balanced", default=False)
@click.pass_obj
def fit_model(cfg, c, balanced):
    tr = pd.read_csv(os.path.join(cfg["data"]["out"], "train.csv"))
    te = pd.read_csv(os.path.join(cfg["data"]["out"], "test.csv"))
    m = LogisticRegression(C=c, class_weight="balanced" if balanced else None).fit(tr[["x"]], tr["y"])
    auc = roc_auc_score(te["y"], m.predict_proba(te[["x"]])[:, 1])
    joblib.dump(m, cfg["model"]["path"])
    with open(cfg["model"]["metrics"], "w") as f:
        json.dump({"metrics": {"auc": auc}, "n": len(te)}, f)
    click.echo(f"AUC {auc:.3f}")

if __name__ == "__main__":
    cli()
