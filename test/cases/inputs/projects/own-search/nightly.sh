python scripts/prepare_and_log.py
python scripts/clean_in_place.py
python scripts/tune.py
python scripts/train.py
