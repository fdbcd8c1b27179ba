#!/usr/bin/env bash
set -euo pipefail
python spam.py split
python spam.py train --alpha=0.001
