import argparse, json, pickle
from pathlib import Path
import pandas as pd
from sklearn.linear_model import LinearRegression
def main(argv=None):
    ap = argparse.ArgumentParser()
    ap.add_argument("table"); ap.add_argument("--out", type=Path, default=Path("artifacts"))
    ns = ap.parse_args(argv)
    df = pd.read_csv(ns.table)
    m = LinearRegression().fit(df[["d"]], df.q)
    ns.out.mkdir(exist_ok=True)
    (ns.out / "model.pkl").write_bytes(pickle.dumps(m))
    (ns.out / "metrics.json").write_text(json.dumps(dict(r2=m.score(df[["d"]], df.q), rows=len(df))))
