import optuna, subprocess
def objective(trial):
    lr = trial.suggest_float("learning_rate", 0.01, 0.3, log=True)
    leaves = trial.suggest_int("num_leaves", 8, 128)
    return 0.5
study = optuna.create_study(direction="maximize"); study.optimize(objective, n_trials=25)
