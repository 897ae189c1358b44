"""The tables and every query on them."""

from history_service.models.picture import Picture
from history_service.models.prediction import Draft, KeyReused, Prediction, Selection
from history_service.models.rollup import HourlyRollup, Summary

__all__ = [
    "Draft",
    "HourlyRollup",
    "KeyReused",
    "Picture",
    "Prediction",
    "Selection",
    "Summary",
]
