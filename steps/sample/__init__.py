"""Sample data drawn on the spot: pictures of balls, to try the pipeline without photographs."""

from steps.sample.kinds import CATEGORIES
from steps.sample.non_balls import render_non_ball
from steps.sample.scene import render
from steps.sample.writer import write_sample

__all__ = ["CATEGORIES", "render", "render_non_ball", "write_sample"]
