import argparse
import pandas as pd
p = argparse.ArgumentParser(); p.add_argument("--input", required=True); p.add_argument("--out-dir", required=True)
a = p.parse_args()
df = pd.read_parquet(a.input)
df.sample(frac=.8).to_csv(a.out_dir + "/train.csv"); df.sample(frac=.2).to_csv(a.out_dir + "/test.csv")
