"""A monitor that has no metrics to write, only that it skipped. Usage: python skipped.py OUT_DIR"""

import json
import sys
from pathlib import Path

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
(out / "drift.json").write_text(json.dumps({"skipped": "12 rides\n since Monday", "rides": 12}))
