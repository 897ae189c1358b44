"""Measurements side by side, each with a command of its own and a JSON result."""

import steps  # noqa: F401 - TensorFlow's kernels are the same for everything that is measured
