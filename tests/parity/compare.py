"""Compares attention, beam search and losses with TensorFlow Addons, on new numbers.

    python tests/parity/compare.py --python .venv-parity/bin/python [--seed 7]

TensorFlow Addons cannot live beside Keras 3, so that it runs in an environment of its
own (requirements-parity.txt): `addons.py` there, this file here, arrays in between.
`make parity` builds both. The stored arrays in the tests are the same comparison
without it. Exit code 1 means a difference, 2 that nothing could be compared.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5
START, END = 1, 2


def draw_attention(rng):
    """Inputs and weights of every kind of attention, for several shapes."""
    cases = {}
    for number, (batch, length, width, units) in enumerate(
        [(3, 7, 4, 6), (1, 2, 1, 1), (5, 30, 64, 32)]
    ):
        for mechanism in ("bahdanau", "luong"):
            for more in (False, True):
                option = "normalize" if mechanism == "bahdanau" else "scale"
                name = f"{mechanism}, {option}={more}"
                depth = width + 3 if mechanism == "bahdanau" else units
                case = {
                    "mechanism": np.array(mechanism),
                    "memory": rng.normal(size=(batch, length, width)),
                    "query": rng.normal(size=(batch, depth)),
                    "lengths": rng.integers(1, length + 1, batch).astype("int32"),
                    "memory_kernel": rng.normal(size=(width, units)) / width**0.5,
                }
                if mechanism == "bahdanau":
                    case["query_kernel"] = rng.normal(size=(depth, units)) / depth**0.5
                    case["score_vector"] = rng.normal(size=units)
                if more:
                    case["score_scale"] = np.array(rng.uniform(0.5, 2))
                    if mechanism == "bahdanau":
                        case["score_bias"] = rng.normal(size=units)
                cases[f"attention/{name}/{number}"] = case
    return cases


def draw_beam_searches(rng):
    """A recurrent network with random weights, searched in several ways."""
    cases = {}
    for number, (batch, vocabulary, units) in enumerate([(4, 9, 6), (6, 37, 16)]):
        network = {
            "embeddings": rng.normal(size=(vocabulary, 5)),
            "kernel": rng.normal(size=(5, 3 * units)),
            "recurrent_kernel": rng.normal(size=(units, 3 * units)),
            "bias": rng.normal(size=(2, 3 * units)),
            "output_kernel": rng.normal(size=(units, vocabulary)),
            "output_bias": rng.normal(size=vocabulary),
            "state": rng.normal(size=(batch, units)),
            "start_tokens": np.full(batch, START, "int32"),
            "end_token": np.array(END),
        }
        network["output_bias"][END] = 1.5  # some beams end early, others do not
        for beam_width in (1, 3, 5):
            for length_penalty in (0.0, 0.6, 1.0):
                name = f"beams {beam_width}, penalty {length_penalty}"
                cases[f"beam_search/{name}/{number}"] = network | {
                    "beam_width": np.array(beam_width),
                    "length_penalty": np.array(length_penalty),
                    "max_length": np.array(8),
                }
    return cases


def draw_losses(rng):
    """Embeddings of several people, distances of pairs, similarities of N-pairs."""
    cases = {}
    for number, (counts, dim) in enumerate([((4, 4, 4), 8), ((9, 5, 2, 1, 1), 128)]):
        labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
        embeddings = rng.normal(size=(len(labels), dim)) + rng.normal(size=dim)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        batch = {"y_true": labels.astype("int32"), "y_pred": embeddings}
        for metric in ("L2", "squared-L2", "angular"):
            metric_of = {"distance_metric": np.array(metric)}
            for margin in (0.0, 0.2, 1.0):
                case = batch | metric_of | {"margin": np.array(margin)}
                hard = case | {"kind": np.array("hard"), "soft": np.array(False)}
                semi_hard = case | {"kind": np.array("semi-hard")}
                ending = f"{metric}/{number}, margin {margin}"
                cases[f"loss/triplet, hard, {ending}"] = hard
                cases[f"loss/triplet, semi-hard, {ending}"] = semi_hard
            soft = hard | {"soft": np.array(True)}
            cases[f"loss/triplet, hard and soft, {metric}/{number}"] = soft
        distances = rng.uniform(0, 2, size=20)
        for margin in (0.5, 1.5):
            cases[f"loss/contrastive/{number}, margin {margin}"] = {
                "kind": np.array("contrastive"),
                "margin": np.array(margin),
                "y_true": rng.integers(0, 2, 20).astype("float32"),
                "y_pred": distances,
            }
        anchors, positives = rng.normal(size=(2, len(labels), dim)) / dim**0.25
        cases[f"loss/N-pairs/{number}"] = {
            "kind": np.array("N-pairs"),
            "y_true": labels.astype("int32"),  # some people come twice
            "y_pred": anchors @ positives.T,
        }
    return cases


def run_attention(case):
    """The same attention by this package."""
    from keras import ops

    from dlai_keras.date_translation.layers import BahdanauAttention, LuongAttention

    units = case["memory_kernel"].shape[1]
    kind = BahdanauAttention if case["mechanism"] == "bahdanau" else LuongAttention
    option = "normalize" if kind is BahdanauAttention else "scale"
    layer = kind(units, **{option: "score_scale" in case})
    memory, query = case["memory"], case["query"]
    mask = np.arange(memory.shape[1]) < case["lengths"][:, None]
    layer(query, memory, mask=mask)  # makes the weights
    given = set()
    for weight in layer.weights:
        name = weight.path.rpartition("/")[2]
        weight.assign(case[name])
        given.add(name)
    assert given == {
        name for name in case if name.startswith("score_") or "kernel" in name
    }
    keys = layer.project(memory, mask)
    context, weights = layer(query, memory, keys=keys, mask=mask)
    found = {"keys": keys, "weights": weights, "context": context}
    return {name: ops.convert_to_numpy(value) for name, value in found.items()}


def run_beam_search(case, num_steps):
    """The same search by this package."""
    import keras
    from keras import ops

    from dlai_keras.decoding import beam_search

    cell = keras.layers.GRUCell(case["recurrent_kernel"].shape[0], reset_after=True)
    cell.build((None, case["embeddings"].shape[1]))
    cell.set_weights([case["kernel"], case["recurrent_kernel"], case["bias"]])

    def step(token_ids, state):
        embedded = ops.take(case["embeddings"], token_ids, axis=0)
        hidden, (state,) = cell(embedded, [state])
        return ops.matmul(hidden, case["output_kernel"]) + case["output_bias"], state

    result = beam_search(
        step,
        ops.convert_to_tensor(case["state"]),
        start_token=case["start_tokens"],
        end_token=int(case["end_token"]),
        max_length=num_steps,
        beam_width=int(case["beam_width"]),
        length_penalty=float(case["length_penalty"]),
    )
    return {
        name: ops.convert_to_numpy(value) for name, value in result._asdict().items()
    }


def run_loss(case):
    """The same loss by this package."""
    import tensorflow as tf

    from dlai_keras.face_recognition import losses

    kind = {
        "semi-hard": losses.TripletSemiHardLoss,
        "hard": losses.TripletHardLoss,
        "contrastive": losses.ContrastiveLoss,
        "N-pairs": losses.NPairsLoss,
    }[str(case["kind"])]
    options = {
        name: array.item()
        for name, array in case.items()
        if name not in {"kind", "y_true", "y_pred"}
    }
    y_pred = tf.constant(case["y_pred"])
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = kind(**options)(case["y_true"], y_pred)
    return {"value": value.numpy(), "gradient": tape.gradient(value, y_pred).numpy()}


def run_addons(python, cases):
    """Has the other interpreter run TensorFlow Addons; `{case: {name: array}}`."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, results = Path(folder, "inputs.npz"), Path(folder, "results.npz")
        np.savez(
            inputs,
            **{
                f"{case}/{name}": array
                for case, arrays in cases.items()
                for name, array in arrays.items()
            },
        )
        script = Path(__file__).with_name("addons.py")
        completed = subprocess.run(
            [python, "-I", script, inputs, results],
            capture_output=True,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        if completed.returncode:
            last = completed.stderr.strip().rpartition("\n")[2]
            raise RuntimeError(f"TensorFlow Addons did not run with {python}: {last}")
        found = {case: {} for case in cases}
        with np.load(results) as arrays:
            for path, array in arrays.items():
                case, _, name = path.rpartition("/")
                found[case][name] = array
    return found


def compare(python, seed):
    """One row for every kind of case and result: the largest difference."""
    rng = np.random.default_rng(seed)
    cases = draw_attention(rng) | draw_beam_searches(rng) | draw_losses(rng)
    for case in cases.values():
        for name, array in case.items():
            if array.dtype == "float64":
                case[name] = array.astype("float32")
    expected = run_addons(python, cases)
    rows = {}
    for name, case in cases.items():
        kind, title, _ = name.split("/")
        if kind == "attention":
            found = run_attention(case)
        elif kind == "loss":
            found = run_loss(case)
        else:
            # TensorFlow Addons stops with a batch's last beam, and ranks as of then.
            found = run_beam_search(case, expected[name]["token_ids"].shape[-1])
        for result, theirs in expected[name].items():
            row = rows.setdefault(
                (title, result),
                {"compared": title, "result": result, "numbers": 0, "difference": 0.0},
            )
            row["numbers"] += theirs.size
            row["difference"] = max(
                row["difference"], _difference(found[result], theirs)
            )
    return list(rows.values())


def _difference(ours, theirs):
    if ours.shape != theirs.shape:
        return np.inf
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    differences = np.where(ours == theirs, 0.0, np.abs(ours - theirs))  # inf - inf
    return float(np.max(np.nan_to_num(differences, nan=np.inf)))


def main():
    """Prints the table; exits with 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", required=True, help="with TensorFlow Addons")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    from dlai_keras.command_line import load_keras, show_table

    load_keras()  # without its log on the screen
    try:
        rows = compare(arguments.python, arguments.seed)
    except (OSError, RuntimeError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    show_table("Largest differences from TensorFlow Addons 0.23.0", rows)
    worse = [row for row in rows if not row["difference"] <= TOLERANCE]
    if worse:
        names = "; ".join(f"{row['compared']}: {row['result']}" for row in worse)
        print(f"error: more than {TOLERANCE:g} in {names}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
