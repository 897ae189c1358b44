"""Measurements side by side, each with a command of its own and a JSON result."""
