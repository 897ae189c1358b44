"""Batch normalisation as fast as the machine can."""

import keras
import tensorflow as tf
from keras import layers


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras' batch normalisation in one kernel of TensorFlow.

    Keras 3 writes it as a dozen element-wise operations, a third of a training step on a CPU.
    Weights and results are the same, so a network is saved with the plain layer.
    """

    def call(self, x: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        # Synchronised over several machines it needs what no kernel sees.
        if self.synchronized or not tf.is_tensor(x):
            return super().call(x, training=training)
        training = training and self.trainable
        normal, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma.value),
            offset=tf.convert_to_tensor(self.beta.value),
            mean=tf.zeros(0) if training else tf.convert_to_tensor(self.moving_mean.value),
            variance=tf.zeros(0) if training else tf.convert_to_tensor(self.moving_variance.value),
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            for running, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                running.assign(running * self.momentum + batch * (1 - self.momentum))
        return normal

    def plain(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """The same by Keras' own layer, with new weights, for a network that is to be saved."""
        return layers.BatchNormalization.from_config(self.get_config())(x)
