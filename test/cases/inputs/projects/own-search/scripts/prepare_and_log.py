import pandas as pd, logging, datetime
df = pd.read_csv("data/base.csv")
df.to_csv("work/clean.csv")
with open("logs/scores.csv", "a") as f:
    f.write(f"{datetime.datetime.now()},1\n")
