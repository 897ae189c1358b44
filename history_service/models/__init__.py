"""The tables and every query on them."""

from history_service.models.picture import Picture
from history_service.models.prediction import Draft, KeyReused, Prediction
from history_service.models.rollup import HourlyRollup, Summary
from history_service.models.selection import Selection

__all__ = [
    "Draft",
    "HourlyRollup",
    "KeyReused",
    "Picture",
    "Prediction",
    "Selection",
    "Summary",
]
