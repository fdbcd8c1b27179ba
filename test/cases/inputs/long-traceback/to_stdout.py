"""Writes its traceback to stdout, and a warning to stderr."""

import sys
import traceback

print("UserWarning: the curve is not smooth", file=sys.stderr)
try:
    raise KeyError("no column 'head'")
except KeyError:
    traceback.print_exc(file=sys.stdout)
    sys.exit(3)
