"""The tables and every query on them."""

from history_service.models.picture import NO_THUMBNAIL, Picture
from history_service.models.prediction import Draft, KeyReused, Prediction
from history_service.models.rollup import DailyRollup, HourlyRollup, MonthlyRollup
from history_service.models.selection import Selection
from history_service.models.summary import Summary

__all__ = [
    "NO_THUMBNAIL",
    "DailyRollup",
    "Draft",
    "HourlyRollup",
    "KeyReused",
    "MonthlyRollup",
    "Picture",
    "Prediction",
    "Selection",
    "Summary",
]
