"""Step `report`: one self-contained HTML page about a retrain.

`values` computes, `plots` draws figures, `page` writes HTML; `report.json` lies between the first and the others.
"""

from .step import report

__all__ = ["report"]
