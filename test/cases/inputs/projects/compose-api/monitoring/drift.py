import argparse
import pandas as pd
from evidently.report import Report
from evidently.metric_preset import DataDriftPreset
p = argparse.ArgumentParser()
p.add_argument("--reference", default="data/loans.csv"); p.add_argument("--current", default="logs/predictions.csv"); p.add_argument("--out", default="reports/drift.json")
a = p.parse_args()
r = Report([DataDriftPreset()])
r.run(reference_data=pd.read_csv(a.reference), current_data=pd.read_csv(a.current))
r.save_json(a.out)
