"""Learning rates over the course of a training."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("steps")
class WarmUpThenCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rise linearly to `peak`, then fall along half a cosine wave to `peak` × `final_share`
    (Loshchilov and Hutter 2017)."""

    def __init__(self, peak: float, final_share: float, warmup_steps: int, steps: int) -> None:
        """warmup_steps, steps: optimiser steps; `steps` counts the warm-up too."""
        self.peak, self.final_share = peak, final_share
        self.warmup_steps, self.steps = warmup_steps, steps

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """The rate at optimiser step `step`, from 0."""
        step = ops.cast(step, "float32")
        rising = (step + 1) / max(self.warmup_steps, 1)
        through = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        wave = (1 + ops.cos(math.pi * ops.clip(through, 0.0, 1.0))) / 2
        falling = self.final_share + (1 - self.final_share) * wave
        return self.peak * ops.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict:
        """What Keras needs to save it."""
        return {
            "peak": self.peak,
            "final_share": self.final_share,
            "warmup_steps": self.warmup_steps,
            "steps": self.steps,
        }
