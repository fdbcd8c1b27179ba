"""The steps of a retrain: prepare, suggest, trial, train, register, evaluate."""
