"""Fits a network's last layer to features that stay as they are."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

INVERSE_PENALTY = 0.01
"""C of the logistic regression on standardised features; between 0.003 and 0.03 all are as good."""


def pooled_features(network: keras.Model, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """What the head sees: (n, filters) float32 for images (n, size, size, 3) uint8."""
    pool = keras.Model(network.input, network.get_layer("pooled").output)
    run = tf.function(lambda x: pool(tf.cast(x, tf.float32), training=False), reduce_retracing=True)
    starts = tqdm(range(0, len(images), batch_size), desc="features", unit="batch")
    parts = [run(tf.constant(images[i : i + batch_size])).numpy() for i in starts]
    return np.concatenate(parts)


def probe() -> Pipeline:
    """A linear probe: the regression that turns features into probabilities of categories."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=500))


def fit(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> None:
    """Set the head to the logistic regression of labels (n,) int on the pooled features.

    Fine-tuning from a random head would pull the pretrained features apart in its first steps
    (Kumar et al. 2022, linear probing and then fine-tuning).
    """
    features = pooled_features(network, images)
    scaler, regression = (step for _, step in probe().fit(features, labels).steps)
    kernel = (regression.coef_ / scaler.scale_).T
    bias = regression.intercept_ - scaler.mean_ @ kernel
    if len(bias) == 1:  # of two categories scikit-learn fits only the second
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    network.get_layer("logits").set_weights([kernel, bias])
