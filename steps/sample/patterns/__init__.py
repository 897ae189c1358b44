"""Patterns: each paints one kind of ball, given points in object coordinates (3, h, w)."""
