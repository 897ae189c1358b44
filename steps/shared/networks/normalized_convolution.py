"""A convolution and the batch normalisation after it, as one."""

import keras
import tensorflow as tf
from keras import layers, ops


class NormalizedConvolution(layers.Layer):
    """A convolution whose outputs are normalised by a mean and a variance that stay as they are.

    gamma * (kernel * x - mean) / deviation + beta is one convolution with another kernel and a
    bias. So it is computed, in training too, where the normalisation's own pass over all values
    would take a fifth of a step. The statistics are those of ImageNet: a few thousand pictures,
    mixed and cropped, would only blur what a million measured.

    Weights in the order of Conv2D and BatchNormalization: kernel, gamma, beta, mean, variance.
    """

    def __init__(
        self,
        filters: int | None,
        side: int,
        stride: int = 1,
        epsilon: float = 1e-3,
        **others: object,
    ) -> None:
        """filters: outputs; None: a filter for each input, which sees that one alone (depthwise).

        side: of the kernel in pixels.
        """
        super().__init__(**others)
        self.filters, self.side, self.stride, self.epsilon = filters, side, stride, epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of a shape (n, rows, columns, channels)."""
        last = (shape[-1], self.filters or 1)
        self.kernel = self.add_weight(
            (self.side, self.side, *last), "glorot_uniform", name="kernel", autocast=False
        )
        each = {"shape": (self.filters or shape[-1],), "autocast": False}
        self.gamma = self.add_weight(initializer="ones", name="gamma", **each)
        self.beta = self.add_weight(initializer="zeros", name="beta", **each)
        self.mean = self.add_weight(
            initializer="zeros", name="moving_mean", trainable=False, **each
        )
        self.variance = self.add_weight(
            initializer="ones", name="moving_variance", trainable=False, **each
        )

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """(n, rows, columns, channels) to (n, rows / stride, columns / stride, filters)."""
        scale = self.gamma * ops.rsqrt(self.variance + self.epsilon)
        kernel = self.kernel * (scale if self.filters else scale[:, None])
        convolve = ops.conv if self.filters else ops.depthwise_conv
        x = convolve(x, ops.cast(kernel, self.compute_dtype), self.stride, "same")
        bias = ops.cast(self.beta - self.mean * scale, self.compute_dtype)
        # TensorFlow computes convolution, bias and activation as one only if this is no addition.
        return tf.nn.bias_add(x, bias) if tf.is_tensor(x) else x

    def plain(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """The same by layers of Keras, with new weights, for a network that is to be saved."""
        how = {"strides": self.stride, "padding": "same", "use_bias": False, "name": self.name}
        if self.filters:
            x = layers.Conv2D(self.filters, self.side, **how)(x)
        else:
            x = layers.DepthwiseConv2D(self.side, **how)(x)
        return layers.BatchNormalization(epsilon=self.epsilon, name=f"{self.name}_bn")(x)

    def get_config(self) -> dict:
        own = ("filters", "side", "stride", "epsilon")
        return super().get_config() | {name: getattr(self, name) for name in own}
