import argparse
import pandas as pd
p = argparse.ArgumentParser(); p.add_argument("--region"); p.add_argument("--input"); p.add_argument("--output")
a = p.parse_args()
pd.read_csv(a.input).assign(region=a.region).to_parquet(a.output)
