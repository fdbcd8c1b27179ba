import argparse
from steps import ingest, model

def build():
    parser = argparse.ArgumentParser(prog="pets")
    sub = parser.add_subparsers(dest="command", required=True)
    i = sub.add_parser("ingest"); i.add_argument("--src", default="data/pets.csv"); i.add_argument("--dst", required=True)
    t = sub.add_parser("train"); t.add_argument("--table", required=True); t.add_argument("--epochs", type=int, default=20)
    t.add_argument("--model-dir", default="out")
    return parser

def main():
    args = build().parse_args()
    if args.command == "ingest":
        ingest.run(args.src, args.dst)
    elif args.command == "train":
        model.train(args.table, args.epochs, args.model_dir)

if __name__ == "__main__":
    main()
