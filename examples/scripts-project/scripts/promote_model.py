"""Moves a version of the registered model to a stage."""

import argparse

from mlflow import MlflowClient

from scripts.common import MODEL_NAME


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--stage", choices=["Staging", "Production"], default="Production")
    args = parser.parse_args()
    MlflowClient().transition_model_version_stage(
        MODEL_NAME, args.version, args.stage, archive_existing_versions=args.stage == "Production"
    )
    print(f"{MODEL_NAME} {args.version} -> {args.stage}")


if __name__ == "__main__":
    main()
