#!/bin/sh
set -e
WORK=${WORK:-work}
mkdir -p "$WORK"
python main.py ingest --dst "$WORK/pets.parquet"
python main.py train --table "$WORK/pets.parquet" --epochs 40 --model-dir "$WORK"
