import json
from pathlib import Path
from typing import Annotated

import joblib
import pandas as pd
import typer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

def run(
    table: Path,
    out: Annotated[Path, typer.Option(help="Model file")] = Path("model.joblib"),
    trees: Annotated[int, typer.Option("--trees", "-t")] = 100,
    depth: int = 6,
) -> None:
    df = pd.read_csv(table)
    fit, test = train_test_split(df)
    model = RandomForestClassifier(trees, max_depth=depth).fit(fit.drop(columns="churn"), fit.churn)
    score = f1_score(test.churn, model.predict(test.drop(columns="churn")))
    joblib.dump(model, out)
    Path(out).with_suffix(".json").write_text(json.dumps({"f1": score}))
    typer.echo(f"f1={score:.3f}")
