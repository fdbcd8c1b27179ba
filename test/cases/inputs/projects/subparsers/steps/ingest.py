import pandas as pd

def run(src, dst):
    pd.read_csv(src, sep=";", decimal=",").to_parquet(dst)
