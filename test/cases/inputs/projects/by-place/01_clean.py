import sys
import pandas as pd
src, dst = sys.argv[1], sys.argv[2]
df = pd.read_csv(src)
df.dropna().to_csv(dst, index=False)
