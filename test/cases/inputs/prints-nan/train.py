"""Writes its metrics as Python does: NaN for what cannot be computed. Usage: python train.py FILE SCORE [ENCODING]"""

import json
import sys
from pathlib import Path

file, score, *rest = sys.argv[1:]
metrics = {"score": float(score), "f1": float("nan"), "best": float("inf"), "note": 'NaN is no "Infinity"'}
Path(file).write_text(json.dumps(metrics), encoding=rest[0] if rest else "utf-8")
print(f"score={score}")
