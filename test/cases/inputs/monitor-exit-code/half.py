"""A monitor that ends in the middle of its report. Usage: python half.py OUT_DIR"""

import sys
from pathlib import Path

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
(out / "drift.json").write_text('{"metrics": [{"metric": "DatasetDriftMetric", "result"')
raise MemoryError("the log does not fit")
