"""Reads Python sources and tells what is in them; nothing of them is run.

Stdin: JSON, ``{path: source}``. Stdout: JSON, ``{path: facts}`` with the facts that ``sources.ts`` describes, or
``{"error": …}`` for a source that is no Python of this version. Needs Python 3.10 and nothing else.
"""

from __future__ import annotations

import json
import sys

from source import constants, facts

# Sources seldom nest deeper than this; a hostile one must not take the process down.
sys.setrecursionlimit(2_000)

sources = json.load(sys.stdin)
known = constants(sources)
json.dump({path: facts(path, text, known) for path, text in sources.items()}, sys.stdout, default=str)
