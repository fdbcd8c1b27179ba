"""Stands for an export of the pump station: readings of vibration, flow and heat."""

import argparse
import random
from pathlib import Path

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--rows", type=int, default=200)
    args = parser.parse_args()
    dice = random.Random(6)
    lines = ["flow,vibration,heat,worn"]
    for _ in range(args.rows):
        flow, vibration, heat = dice.gauss(40, 8), abs(dice.gauss(3, 2)), dice.gauss(55, 9)
        worn = int(vibration - flow / 40 + heat / 90 + dice.gauss(0, 1) > 2.6)
        lines.append(f"{flow:.1f},{vibration:.2f},{heat:.1f},{worn}")
    args.target.parent.mkdir(parents=True, exist_ok=True)
    args.target.write_text("\n".join(lines) + "\n")
