import pandas as pd
def loaders(path):
    df = pd.read_csv(path)
    return df, df, df
