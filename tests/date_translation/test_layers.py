"""Attention as TensorFlow Addons and the course have it, and what is built on it."""

from pathlib import Path

import keras
import numpy as np
import pytest
from contract import check_layer
from keras import ops

from dlai_keras.date_translation.layers import (
    AttentionCell,
    AttentionDecoder,
    BahdanauAttention,
    CourseAttention,
    LearnedQueries,
    LuongAttention,
    MeanMaxPooling,
    OneHot,
    legacy_hard_sigmoid,
    masked_softmax,
)

pytestmark = pytest.mark.backends

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "tfa_golden.npz")
MEMORY, LENGTHS = GOLDEN["attn/memory"], GOLDEN["attn/lens"]
MASK = np.arange(7) < LENGTHS[:, None]  # (3, 7)

# Name of the arrays, layer, its query, and its weights in order.
MECHANISMS = (
    ("bahdanau", BahdanauAttention(6), "query", ("query_kernel", "memory_kernel", "v")),
    (
        "bahdanau_norm",
        BahdanauAttention(6, normalize=True),
        "query",
        ("query_kernel", "memory_kernel", "v", "g", "b"),
    ),
    ("luong", LuongAttention(6), "query6", ("memory_kernel",)),
    (
        "luong_scale",
        LuongAttention(6, scale=True),
        "query6",
        ("memory_kernel", "scale_weight"),
    ),
)
each_mechanism = pytest.mark.parametrize(
    ("name", "layer", "query", "weights"), MECHANISMS, ids=[m[0] for m in MECHANISMS]
)
# All forms, with other arguments than the defaults.
ATTENTIONS = (
    BahdanauAttention(5, True),
    LuongAttention(5, True),
    CourseAttention(5),
)
each_attention = pytest.mark.parametrize(
    "attention", ATTENTIONS, ids=lambda layer: type(layer).__name__
)


@keras.saving.register_keras_serializable(package="tests")
class Joined(keras.layers.Layer):
    """A layer of several inputs and two outputs as one of a list and one output."""

    def __init__(self, layer, keywords, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self.keywords = list(keywords)

    def _arguments(self, values):
        num = len(values) - len(self.keywords)
        return values[:num], dict(zip(self.keywords, values[num:], strict=True))

    def build(self, shapes):
        wanted, named = self._arguments(shapes)
        named = {f"{k}_shape": v for k, v in named.items() if k == "inputs"}
        self.layer.build(*wanted, **named)
        self.layer.built = True

    def call(self, inputs):
        values, named = self._arguments(inputs)
        return ops.concatenate(self.layer(*values, **named), axis=-1)

    def compute_output_shape(self, shapes):
        wanted, named = self._arguments(shapes)
        named = {f"{k}_shape": v for k, v in named.items() if k == "inputs"}
        one, other = self.layer.compute_output_shape(*wanted, **named)
        return (*one[:-1], one[-1] + other[-1])

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        layer.pop("build_config", None)  # a description must not depend on use
        return {**super().get_config(), "layer": layer, "keywords": self.keywords}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


def array(tensor):
    return ops.convert_to_numpy(tensor)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def fresh(layer):
    return type(layer).from_config(layer.get_config())


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


# TensorFlow Addons


def golden(name, layer, query, weights):
    """A layer with the stored weights, its query, and the arrays by name."""
    arrays = {
        key.rpartition("/")[2].removeprefix("attention_"): value
        for key, value in GOLDEN.items()
        if key.startswith(f"attn/{name}/")
    }
    layer, query = fresh(layer), GOLDEN[f"attn/{query}"]
    layer(query, MEMORY)
    layer.set_weights([arrays[key] for key in weights])
    return layer, query, arrays


@each_mechanism
def test_attention_equals_tensorflow_addons(name, layer, query, weights):
    layer, query, expected = golden(name, layer, query, weights)
    keys = array(layer.project(MEMORY, MASK))
    np.testing.assert_allclose(keys, expected["keys"], atol=1e-6)
    for known in (None, keys):
        context, found = layer(query, MEMORY, keys=known, mask=MASK)
        found = array(found)
        np.testing.assert_allclose(found, expected["alignments"], atol=1e-6)
        assert (found[~MASK] == 0).all()
        expected_context = np.einsum("bt,btd->bd", expected["alignments"], MEMORY)
        np.testing.assert_allclose(array(context), expected_context, atol=1e-6)


def test_the_stored_lengths_mask_something():
    assert 0 < (~MASK).sum() < MASK.size


def test_scores_are_those_of_the_layers_of_keras():
    layer, query, arrays = golden(*MECHANISMS[0])
    theirs = keras.layers.AdditiveAttention(use_scale=True)
    projected = (query @ arrays["query_kernel"])[:, None], arrays["keys"]
    theirs([projected[0], MEMORY @ arrays["memory_kernel"]])
    theirs.set_weights([arrays["v"]])
    context, weights = theirs(
        [projected[0], MEMORY, projected[1]],
        mask=[None, MASK],
        return_attention_scores=True,
    )
    ours = layer(query, MEMORY, mask=MASK)
    np.testing.assert_allclose(array(ours[0]), array(context)[:, 0], atol=1e-6)
    np.testing.assert_allclose(array(ours[1]), array(weights)[:, 0], atol=1e-6)


# The course's


def test_the_courses_attention_is_a_network_on_the_concatenation():
    layer, query, memory = CourseAttention(10), draw(2, 5), draw(2, 7, 4, seed=1)
    layer(query, memory)
    layer.set_weights([draw(*w.shape, seed=2) for w in layer.weights])
    kernel, bias, energy_kernel, energy_bias = layer.get_weights()
    joined = np.concatenate([memory, np.repeat(query[:, None], 7, axis=1)], axis=-1)
    energies = np.tanh(joined @ kernel + bias) @ energy_kernel + energy_bias
    weights = softmax(np.maximum(energies[..., 0], 0))
    found = layer(query, memory)
    np.testing.assert_allclose(array(found[1]), weights, atol=1e-6)
    context = np.einsum("bt,btd->bd", weights, memory)
    np.testing.assert_allclose(array(found[0]), context, atol=1e-5)


# All forms


@each_attention
def test_attention_keeps_the_contract(attention, tmp_path):
    layer = Joined(fresh(attention), ["mask"])
    # Ones, since whole numbers as a mask would have no gradient.
    inputs = [draw(3, 5), draw(3, 7, 4), MASK.astype("float32")]
    outputs = check_layer(layer, inputs, (3, 11), tmp_path, differentiable=False)
    np.testing.assert_allclose(outputs[:, 4:].sum(-1), 1, rtol=1e-5)


@each_attention
def test_attention_has_all_its_arguments_in_the_config(attention):
    config = attention.get_config()
    changed = {"units": 5, "normalize": True, "scale": True}
    assert config["units"] == 5
    assert all(config[name] == changed[name] for name in changed if name in config)
    assert fresh(attention).get_config() == config


@each_attention
def test_what_is_masked_changes_nothing(attention):
    layer, query, memory = fresh(attention), draw(3, 5), draw(3, 7, 4)
    other = np.where(MASK[..., None], memory, 99)
    one, two = layer(query, memory, mask=MASK), layer(query, other, mask=MASK)
    np.testing.assert_allclose(array(one[0]), array(two[0]), atol=1e-6)
    np.testing.assert_allclose(array(one[1]), array(two[1]), atol=1e-6)


@each_attention
def test_a_sequence_without_anything_has_no_context(attention):
    context, weights = fresh(attention)(
        draw(3, 5), draw(3, 7, 4), mask=np.zeros((3, 7), bool)
    )
    assert (array(context) == 0).all() and (array(weights) == 0).all()


@each_attention
def test_projecting_before_there_are_weights_is_refused(attention):
    with pytest.raises(ValueError, match="must be built"):
        fresh(attention).project(MEMORY)


@pytest.mark.parametrize("units", [0, -1, 2.5, True, "3"])
@pytest.mark.parametrize("kind", [BahdanauAttention, LuongAttention, OneHot])
def test_sizes_must_be_whole_numbers(kind, units):
    with pytest.raises(ValueError, match="whole number of 1 or more"):
        kind(units)


def test_multiplicative_attention_wants_queries_of_its_width():
    with pytest.raises(ValueError, match="width of the query, 5"):
        LuongAttention(6)(draw(3, 5), MEMORY)


def test_the_masked_softmax_is_the_softmax_of_the_rest():
    scores = draw(4, 9) * 50
    mask = np.random.default_rng(1).random((4, 9)) < 0.6
    found = array(masked_softmax(ops.convert_to_tensor(scores), mask))
    for row, scores_row, mask_row in zip(found, scores, mask, strict=True):
        np.testing.assert_allclose(
            row[mask_row], softmax(scores_row[mask_row]), rtol=1e-4, atol=1e-7
        )
        assert (row[~mask_row] == 0).all()


# The decoder


def decoder_of(attention, **arguments):
    arguments = {"cell": "gru", "recurrent_activation": "tanh", **arguments}
    return AttentionDecoder(5, fresh(attention), **arguments)


@each_attention
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_decoder_keeps_the_contract(attention, cell, tmp_path):
    layer = Joined(decoder_of(attention, cell=cell, num_steps=4), ["inputs"])
    outputs = check_layer(layer, [draw(3, 7, 4), draw(3, 6, 2)], (3, 6, 12), tmp_path)
    np.testing.assert_allclose(outputs[..., 5:].sum(-1), 1, rtol=1e-5)


def test_the_decoder_has_all_its_arguments_in_the_config():
    config = decoder_of(ATTENTIONS[0], num_steps=4).get_config()
    assert config["units"] == 5
    assert config["cell"] == "gru"
    assert config["num_steps"] == 4
    assert config["recurrent_activation"] == "tanh"
    assert config["attention"]["config"]["normalize"] is True
    revived = AttentionDecoder.from_config(config)
    assert revived.get_config() == config


def test_the_decoder_keeps_an_activation_of_this_package():
    layer = decoder_of(ATTENTIONS[0], recurrent_activation=legacy_hard_sigmoid)
    revived = AttentionDecoder.from_config(layer.get_config())
    assert revived.cell.cell.recurrent_activation is legacy_hard_sigmoid


@each_attention
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("fed", [True, False], ids=["fed", "unfed"])
def test_the_decoder_is_its_definition(attention, cell, fed):
    """The loop written out, with the attention and Keras' own cell."""
    decoder = decoder_of(attention, cell=cell, num_steps=4)
    memory, inputs = draw(3, 7, 4), draw(3, 4, 2, seed=1) if fed else None
    states = [draw(3, 5, seed=2) for _ in decoder.initial_states(3)]
    hidden, weights = decoder(memory, inputs, mask=MASK, initial_state=states)
    for step in range(4):
        context, expected = decoder.cell.attention(states[0], memory, mask=MASK)
        np.testing.assert_allclose(array(weights)[:, step], array(expected), atol=1e-5)
        if fed:
            context = ops.concatenate([inputs[:, step], context], axis=-1)
        output, states = decoder.cell.cell(context, states)
        np.testing.assert_allclose(array(hidden)[:, step], array(output), atol=1e-5)


@pytest.mark.parametrize("fed", [True, False], ids=["fed", "unfed"])
def test_step_by_step_equals_the_whole_sequence(fed):
    decoder = decoder_of(ATTENTIONS[0], cell="lstm", num_steps=4)
    memory, inputs = draw(3, 7, 4), draw(3, 4, 2, seed=1) if fed else None
    hidden, weights = decoder(memory, inputs, mask=MASK)
    keys, states = decoder.project(memory, MASK), decoder.initial_states(3)
    for step in range(4):
        now = inputs[:, step] if fed else None
        h, w, states = decoder.step(states, memory, keys=keys, inputs=now, mask=MASK)
        np.testing.assert_allclose(array(h), array(hidden)[:, step], atol=1e-6)
        np.testing.assert_allclose(array(w), array(weights)[:, step], atol=1e-6)


def test_a_decoder_that_is_fed_nothing_needs_the_number_of_steps():
    with pytest.raises(ValueError, match="`num_steps` must be given"):
        decoder_of(ATTENTIONS[0])(MEMORY)
    with pytest.raises(ValueError, match="`num_steps` must be a whole number"):
        decoder_of(ATTENTIONS[0], num_steps=0)


def test_a_cell_runs_under_any_rnn_and_keeps_no_memory():
    cell = AttentionCell(5, BahdanauAttention(3), "gru", "tanh")
    rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    with cell.attending(ops.convert_to_tensor(MEMORY), MASK):
        outputs, state = rnn(draw(3, 6, 2))
    assert tuple(outputs.shape) == (3, 6, 5 + 7)
    np.testing.assert_allclose(array(outputs)[:, -1, :5], array(state), atol=1e-6)
    with pytest.raises(ValueError, match="nothing to attend to"):
        rnn(draw(3, 6, 2))


def test_a_cell_has_all_its_arguments_in_the_config():
    config = AttentionCell(5, BahdanauAttention(3), "gru", "tanh").get_config()
    assert (config["units"], config["cell"]) == (5, "gru")
    assert config["recurrent_activation"] == "tanh"
    assert AttentionCell.from_config(config).get_config() == config


def test_cells_are_named_and_attend_with_a_layer_of_this_package():
    with pytest.raises(ValueError, match="`cell` must be one of lstm, gru"):
        AttentionCell(5, BahdanauAttention(3), "rnn")
    with pytest.raises(ValueError, match="`attention` must be a layer such as"):
        AttentionCell(5, "bahdanau")


# The rest


def test_learned_queries_keep_the_contract(tmp_path):
    layer = Joined(LearnedQueries(3, 5), [])
    outputs = check_layer(layer, [draw(2, 7, 4)], (2, 3, 11), tmp_path)
    np.testing.assert_allclose(outputs[..., 4:].sum(-1), 1, rtol=1e-5)
    config = layer.layer.get_config()
    assert (config["num_queries"], config["units"]) == (3, 5)


def test_learned_queries_are_scaled_dot_products_with_the_keys():
    layer, memory = LearnedQueries(3, 5), draw(3, 7, 4)
    contexts, weights = layer(memory, mask=MASK)
    queries, kernel = layer.get_weights()
    scores = queries @ (memory @ kernel).transpose(0, 2, 1) / np.sqrt(5)
    expected = softmax(np.where(MASK[:, None], scores, -np.inf))
    np.testing.assert_allclose(array(weights), expected, atol=1e-6)
    np.testing.assert_allclose(array(contexts), expected @ memory, atol=1e-6)


def test_learned_queries_of_nothing_are_zero():
    contexts, weights = LearnedQueries(3, 5)(MEMORY, mask=np.zeros((3, 7), bool))
    assert (array(contexts) == 0).all() and (array(weights) == 0).all()


def test_pooling_keeps_the_contract(tmp_path):
    inputs = draw(2, 7, 4)
    outputs = check_layer(MeanMaxPooling(), inputs, (2, 8), tmp_path)
    expected = np.concatenate([inputs.mean(1), inputs.max(1)], axis=1)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_pooling_leaves_out_what_is_masked():
    inputs = draw(3, 7, 4) - 9  # all below 0: a masked 0 would be the maximum
    found = array(MeanMaxPooling()(inputs, mask=MASK))
    for row, kept, mask in zip(found, inputs, MASK, strict=True):
        expected = np.concatenate([kept[mask].mean(0), kept[mask].max(0)])
        np.testing.assert_allclose(row, expected, atol=1e-5)
    assert (array(MeanMaxPooling()(inputs, mask=np.zeros((3, 7), bool))) == 0).all()


def test_one_hot_keeps_the_contract(tmp_path):
    token_ids = np.array([[0, 2, 1], [3, 3, 0]], dtype="int32")
    outputs = check_layer(OneHot(4), token_ids, (2, 3, 4), tmp_path)
    np.testing.assert_array_equal(outputs, np.eye(4)[token_ids])


def test_the_hard_sigmoid_is_that_of_keras_2():
    x = np.linspace(-4, 4, 17, dtype="float32")
    found = array(legacy_hard_sigmoid(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, np.clip(0.2 * x + 0.5, 0, 1), atol=1e-6)
    assert np.abs(found - array(keras.activations.hard_sigmoid(x))).max() > 0.05
