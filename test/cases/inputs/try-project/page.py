"""Writes a page about a version. Usage: page.py VERSION FOLDER"""

import pathlib
import sys

version, folder = sys.argv[1:]
(pathlib.Path(folder) / "page.html").write_text(f"<h1>Version {version}</h1>")
