import argparse
import pandas as pd
def main(argv=None):
    ap = argparse.ArgumentParser()
    ap.add_argument("source"); ap.add_argument("target")
    ns = ap.parse_args(argv)
    pd.read_csv(ns.source).dropna().to_csv(ns.target)
