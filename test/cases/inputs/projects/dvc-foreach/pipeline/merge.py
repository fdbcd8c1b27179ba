import sys
from pathlib import Path
import pandas as pd
folder, out = sys.argv[1:3]
pd.concat([pd.read_parquet(p) for p in Path(folder).glob("*.parquet")]).to_parquet(out)
