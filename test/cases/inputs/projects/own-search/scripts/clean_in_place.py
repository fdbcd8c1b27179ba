import pandas as pd
PATH = "data/base.csv"
df = pd.read_csv(PATH)
df.drop_duplicates().to_csv(PATH, index=False)
