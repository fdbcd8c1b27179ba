import argparse, os
import pandas as pd
p = argparse.ArgumentParser()
p.add_argument("--raw"); p.add_argument("--out-dir"); p.add_argument("--fraction", type=float, default=0.8)
a = p.parse_args()
df = pd.read_csv(a.raw).sample(frac=1, random_state=1)
n = int(len(df) * a.fraction)
os.makedirs(a.out_dir, exist_ok=True)
df[:n].to_csv(os.path.join(a.out_dir, "train.csv"), index=False)
df[n:].to_csv(os.path.join(a.out_dir, "test.csv"), index=False)
