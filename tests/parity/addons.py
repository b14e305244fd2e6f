"""Runs the real TensorFlow Addons on given numbers; `compare.py` calls it.

    python addons.py INPUTS.npz RESULTS.npz

It needs an environment of its own (requirements-parity.txt) and so imports nothing of
this package. Arrays are named `KIND/CASE/NAME`, results as the inputs they belong to.
"""

import sys
from collections import defaultdict

import numpy as np


def run_attention(case):
    """Keys, weights and context of one attention mechanism."""
    import tensorflow_addons as tfa

    mechanism = str(case["mechanism"])
    units = case["memory_kernel"].shape[1]
    if mechanism == "bahdanau":
        layer = tfa.seq2seq.BahdanauAttention(
            units, normalize="score_scale" in case, probability_fn="softmax"
        )
    else:
        layer = tfa.seq2seq.LuongAttention(units, scale="score_scale" in case)
    query, memory, lengths = case["query"], case["memory"], case["lengths"]
    layer.setup_memory(memory, lengths)
    state = layer.initial_alignments(*memory.shape[:1], "float32")
    layer([query, state])  # makes the weights
    layer.memory_layer.kernel.assign(case["memory_kernel"])
    if mechanism == "bahdanau":
        layer.query_layer.kernel.assign(case["query_kernel"])
        layer.attention_v.assign(case["score_vector"])
        if "score_scale" in case:
            layer.attention_g.assign(case["score_scale"])
            layer.attention_b.assign(case["score_bias"])
    elif "score_scale" in case:
        layer.scale_weight.assign(case["score_scale"])
    layer.setup_memory(memory, lengths)  # the keys, with the weights given
    weights, _ = layer([query, state])
    values = np.asarray(layer.values)
    return {
        "keys": np.asarray(layer.keys),
        "weights": np.asarray(weights),
        "context": np.einsum("bt,btd->bd", weights, values),  # as AttentionWrapper does
    }


def run_beam_search(case):
    """Beams of a GRU with a dense layer above."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    cell = tf.keras.layers.GRUCell(case["recurrent_kernel"].shape[0], reset_after=True)
    cell.build((None, case["embeddings"].shape[1]))
    cell.set_weights([case["kernel"], case["recurrent_kernel"], case["bias"]])
    output = tf.keras.layers.Dense(case["output_kernel"].shape[1])
    output.build((None, case["output_kernel"].shape[0]))
    output.set_weights([case["output_kernel"], case["output_bias"]])
    width = int(case["beam_width"])
    decoder = tfa.seq2seq.BeamSearchDecoder(
        cell,
        width,
        output_layer=output,
        length_penalty_weight=float(case["length_penalty"]),
        maximum_iterations=int(case["max_length"]),
    )
    outputs, state, _ = decoder(
        tf.constant(case["embeddings"]),
        start_tokens=tf.constant(case["start_tokens"]),
        end_token=int(case["end_token"]),
        initial_state=tfa.seq2seq.tile_batch(tf.constant(case["state"]), width),
    )
    # Its `predicted_ids` are in the order that the beams had when the longest one of an
    # example ended. Finished beams may change places later; scores, log_probs and
    # lengths are in the order of the last step, and so are these:
    steps = outputs.beam_search_decoder_output
    token_ids = tfa.seq2seq.gather_tree(
        tf.transpose(steps.predicted_ids, (1, 0, 2)),  # (time, batch, beam)
        tf.transpose(steps.parent_ids, (1, 0, 2)),
        max_sequence_lengths=tf.fill(steps.scores.shape[:1], steps.scores.shape[1]),
        end_token=int(case["end_token"]),
    )
    return {
        "token_ids": token_ids.numpy().transpose(1, 2, 0),  # (batch, beam, time)
        "scores": steps.scores.numpy()[:, -1],
        "log_probs": state.log_probs.numpy(),
        "lengths": state.lengths.numpy(),
    }


def run_loss(case):
    """Value of a loss, and its gradient by what the network gave."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    kind = str(case["kind"])
    if kind == "semi-hard":
        loss = tfa.losses.TripletSemiHardLoss(
            float(case["margin"]), str(case["distance_metric"])
        )
    elif kind == "hard":
        loss = tfa.losses.TripletHardLoss(
            float(case["margin"]), bool(case["soft"]), str(case["distance_metric"])
        )
    elif kind == "contrastive":
        loss = tfa.losses.ContrastiveLoss(float(case["margin"]))
    else:
        loss = tfa.losses.NpairsLoss()
    y_pred = tf.constant(case["y_pred"])
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(tf.constant(case["y_true"]), y_pred)
    return {"value": value.numpy(), "gradient": tape.gradient(value, y_pred).numpy()}


def main():
    """Reads the inputs, writes the results."""
    inputs, results = sys.argv[1:]
    cases = defaultdict(dict)
    with np.load(inputs) as arrays:
        for name, array in arrays.items():
            case, _, argument = name.rpartition("/")
            cases[case][argument] = array
    run = {
        "attention": run_attention,
        "beam_search": run_beam_search,
        "loss": run_loss,
    }
    found = {}
    for name, case in cases.items():
        for result, array in run[name.partition("/")[0]](case).items():
            found[f"{name}/{result}"] = array
    np.savez(results, **found)


if __name__ == "__main__":
    main()
