import argparse, pickle
import pandas as pd
from sklearn.tree import DecisionTreeRegressor
def main():
    p = argparse.ArgumentParser()
    p.add_argument("--train", required=True); p.add_argument("--model", required=True)
    p.add_argument("--max-depth", type=int, default=4)
    a = p.parse_args()
    df = pd.read_csv(a.train)
    m = DecisionTreeRegressor(max_depth=a.max_depth)
    m.fit(df[["rain", "sun"]], df["yield"])
    with open(a.model, "wb") as f:
        pickle.dump(m, f)
if __name__ == "__main__":
    main()
