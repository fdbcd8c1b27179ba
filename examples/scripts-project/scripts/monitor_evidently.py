"""Writes an Evidently report about drift in the prediction log."""

import argparse
from pathlib import Path

import pandas as pd
from evidently.metric_preset import DataDriftPreset
from evidently.report import Report

NOT_FEATURES = ["event_id", "ts", "model_version", "threshold"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-csv", default="logs/predictions.csv")
    parser.add_argument("--out-dir", default="reports/monitoring")
    parser.add_argument("--min-rows", type=int, default=50)
    args = parser.parse_args()

    frame = pd.read_csv(args.log_csv).sort_values("ts").drop(columns=NOT_FEATURES, errors="ignore")
    half = len(frame) // 2
    if half < args.min_rows:
        print(f"not enough rows: {half} of {args.min_rows}")
        return
    reference, current = frame.iloc[:half], frame.iloc[half:]
    report = Report(metrics=[DataDriftPreset()])
    report.run(reference_data=reference, current_data=current)
    out = Path(args.out_dir)
    out.mkdir(parents=True, exist_ok=True)
    report.save_html(str(out / "evidently_report.html"))
    report.save_json(str(out / "evidently_report.json"))
    print(f"compared {len(current)} rows with {len(reference)}")


if __name__ == "__main__":
    main()
