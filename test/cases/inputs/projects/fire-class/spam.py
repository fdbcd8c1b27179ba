"""Spam filter."""
import fire
import joblib
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline


class Spam:
    """Commands."""

    def split(self, src="sms.csv", train="train.csv", test="test.csv", frac=0.8):
        df = pd.read_csv(src)
        n = int(len(df) * frac)
        df[:n].to_csv(train, index=False)
        df[n:].to_csv(test, index=False)

    def train(self, data="train.csv", test="test.csv", alpha=1e-4, out="spam.joblib"):
        df = pd.read_csv(data)
        model = make_pipeline(TfidfVectorizer(), SGDClassifier(alpha=alpha))
        model.fit(df.text, df.label)
        holdout = pd.read_csv(test)
        acc = model.score(holdout.text, holdout.label)
        joblib.dump(model, out)
        print(f"accuracy={acc:.4f}")


if __name__ == "__main__":
    fire.Fire(Spam)
