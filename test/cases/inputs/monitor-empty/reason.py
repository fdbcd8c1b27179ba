"""A monitor whose report is empty: it says why in another word. Usage: python reason.py OUT_DIR"""

import json
import sys
from pathlib import Path

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
(out / "report.json").write_text(json.dumps({"metrics": [], "tests": [], "reason": "the counter was off all week."}))
