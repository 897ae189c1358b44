"""Requests a second and times to answer, side by side: see __main__.py."""
