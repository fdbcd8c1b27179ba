import sys
import pickle
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error
if len(sys.argv) < 3:
    sys.exit("usage: 02_train.py TABLE MODEL [TREES]")
table = sys.argv[1]
model_path = sys.argv[2]
trees = int(sys.argv[3]) if len(sys.argv) > 3 else 100
df = pd.read_csv(table)
train = df.sample(frac=.8)
test = df.drop(train.index)
m = RandomForestRegressor(trees).fit(train[["sqm", "rooms"]], train.price)
print("MAE: %.3f" % mean_absolute_error(test.price, m.predict(test[["sqm", "rooms"]])))
pickle.dump(m, open(model_path, "wb"))
