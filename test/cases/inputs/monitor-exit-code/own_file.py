"""A monitor that writes drift.json where it runs, and ends with 4 on drift. Usage: python own_file.py [nothing]"""

import json
import sys
from pathlib import Path

result = {"number_of_columns": 2, "number_of_drifted_columns": 2, "share_of_drifted_columns": 1.0, "dataset_drift": True}
if sys.argv[1:] != ["nothing"]:
    Path("drift.json").write_text(json.dumps({"metrics": [{"metric": "DatasetDriftMetric", "result": result}]}))
sys.exit(4)
