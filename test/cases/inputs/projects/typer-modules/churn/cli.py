import typer

from churn.commands import features as features_cmd
from churn.commands import train as train_cmd

app = typer.Typer()
app.command(name="features")(features_cmd.run)
app.command(name="train")(train_cmd.run)

if __name__ == "__main__":
    app()
