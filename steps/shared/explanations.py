"""Where in a picture a network found what it says, as a second output of the network itself."""

import keras
from keras import layers, ops


def class_maps(network: keras.Model) -> keras.KerasTensor | None:
    """(n, rows, columns, categories): each place's part in each logit; None where there is no way.

    With a pooled head, class activation maps (Zhou et al. 2016): the head's weights applied place
    by place, so that a map's mean plus the head's bias is the logit. With a flattened head,
    Grad-CAM (Selvaraju et al. 2017), its gradient written out, so that it runs anywhere.
    """
    names = {layer.name for layer in network.layers}
    if not {"features", "logits"} <= names:
        return None
    features = network.get_layer("features").output
    kernel = network.get_layer("logits").kernel
    if "pooled" in names:
        place_by_place = layers.Dense(kernel.shape[-1], use_bias=False)
        maps = place_by_place(features)
        place_by_place.set_weights([kernel])
        return maps
    hidden = network.get_layer("hidden")
    weights = ops.convert_to_numpy(hidden.kernel)
    weights = weights.reshape(-1, features.shape[-1], weights.shape[-1]).mean(axis=0)
    # The hidden layer's ReLU lets the gradient through where it is active.
    active = ops.cast(hidden.output > 0, "float32")
    slopes = ops.einsum("nu,fu,uc->nfc", active, weights, ops.convert_to_numpy(kernel))
    return ops.einsum("nyxf,nfc->nyxc", features, slopes)
