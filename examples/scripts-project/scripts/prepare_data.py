"""Writes train, validation and test splits as Parquet files."""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

FEATURES = [
    "race",
    "gender",
    "age",
    "admission_type_id",
    "discharge_disposition_id",
    "time_in_hospital",
    "num_lab_procedures",
    "num_procedures",
    "num_medications",
    "number_outpatient",
    "number_emergency",
    "number_inpatient",
    "number_diagnoses",
    "A1Cresult",
    "insulin",
    "diabetesMed",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", default="data/diabetic_data.csv", help="raw CSV file, plain or gzipped")
    parser.add_argument("--out", default="data/processed", help="folder for the Parquet files")
    parser.add_argument("--rows", type=int, default=0, help="take only the first rows (0: all)")
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()

    frame = pd.read_csv(args.csv, na_values="?", low_memory=False, nrows=args.rows or None)
    frame["label"] = (frame["readmitted"] == "<30").astype(int)
    frame = frame[[*FEATURES, "patient_nbr", "label"]]
    texts = frame.select_dtypes("object").columns
    frame[texts] = frame[texts].fillna("unknown")

    def split(rows, size):
        splitter = GroupShuffleSplit(n_splits=1, test_size=size, random_state=args.seed)
        kept, held = next(splitter.split(rows, groups=rows["patient_nbr"]))
        return rows.iloc[kept], rows.iloc[held]

    rest, test = split(frame, 0.15)
    train, validation = split(rest, 0.18)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, part in {"train": train, "validation": validation, "test": test}.items():
        part.drop(columns="patient_nbr").to_parquet(out / f"{name}.parquet", index=False)
        print(f"{name}: {len(part)} rows")


if __name__ == "__main__":
    main()
