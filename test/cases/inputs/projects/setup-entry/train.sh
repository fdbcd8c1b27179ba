demand-clean data/q.csv /tmp/clean.csv
demand-train /tmp/clean.csv --out artifacts
