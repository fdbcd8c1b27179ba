#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"
ROUNDS=${ROUNDS:-120}
uv run learn.py trains.csv --rounds "$ROUNDS" --model out/late.joblib
