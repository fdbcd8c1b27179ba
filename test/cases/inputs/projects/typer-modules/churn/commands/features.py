from pathlib import Path
import pandas as pd

def run(source: Path, target: Path, min_tenure: int = 0) -> None:
    """Make the features."""
    df = pd.read_csv(source, sep=";")
    df = df[df.tenure >= min_tenure]
    target.parent.mkdir(exist_ok=True, parents=True)
    df.to_csv(target, index=False)
