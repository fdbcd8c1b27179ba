"""Compares parcels with a package that is nowhere."""

import parcel_drift_toolkit

parcel_drift_toolkit.compare()
