import argparse, json, pickle
import pandas as pd
from sklearn.metrics import mean_squared_error, r2_score
p = argparse.ArgumentParser()
p.add_argument("--test"); p.add_argument("--model"); p.add_argument("--metrics")
a = p.parse_args()
df = pd.read_csv(a.test)
with open(a.model, "rb") as f:
    m = pickle.load(f)
pred = m.predict(df[["rain", "sun"]])
out = {"rmse": mean_squared_error(df["yield"], pred) ** 0.5, "r2": r2_score(df["yield"], pred)}
with open(a.metrics, "w") as f:
    json.dump(out, f, indent=2)
