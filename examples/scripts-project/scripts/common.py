"""What the training scripts share."""

from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

EXPERIMENT = "readmission"
MODEL_NAME = "ReadmitScripts"


def load(folder, name):
    frame = pd.read_parquet(Path(folder) / f"{name}.parquet")
    return frame.drop(columns="label"), frame["label"]


def pipeline(classifier):
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    encode = make_column_transformer(
        (categories, make_column_selector(dtype_include=object)),
        remainder="passthrough",
    )
    return make_pipeline(encode, classifier)
