"""How fast the networks by hand are, beside the course's loops and beside Keras."""

import statistics
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.foundations import convolution, deep_network

HELP = """Measures the convolution and the L-layer network in NumPy.

Against the course's four nested loops, and against the same in Keras with TensorFlow,
on the processor and compiled. The sides get the same numbers and take turns."""

BATCH, SIDE, CHANNELS, FILTERS = 64, 32, 3, 8
LAYERS = (12288, 20, 7, 5, 1)  # the course's cat classifier
EXAMPLES = 209
ITERATIONS = 30  # of the L-layer network, in one measurement
HYPERPARAMETERS = {"stride": 1, "pad": 1}


def benchmark(
    *, repeats: int = 7, output: Path = Path("runs/foundations_benchmark")
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    convolution: 64 pictures of 32 x 32 x 3, 8 filters of 3 x 3; in double precision
    against the loops, in single precision against Keras. The loops are measured half
    as often. Keras' way back includes its way forth, so both sides do both.

    L-layer network: a training iteration over the 209 examples of the cat classifier,
    12288-20-7-5-1; the NumPy network in double precision, as the course has it.

    Args:
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/foundations.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    rng = np.random.default_rng(0)
    double = _Convolution(rng, "float64")
    single = _Convolution(rng, "float32")
    X = rng.random((LAYERS[0], EXAMPLES))
    Y = (rng.random((1, EXAMPLES)) < 0.5).astype(int)
    keras = command_line.load_keras()
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "The comparison is with Keras on TensorFlow. Received: KERAS_BACKEND="
            f"{keras.backend.backend()}. Run it without KERAS_BACKEND."
        )
    command_line.set_seed(0)
    keras_forward, keras_both = _keras_convolution(single)
    network = _keras_network(keras)
    rows_of_X = np.ascontiguousarray(X.T, "float32")

    def train():
        deep_network.L_layer_model(
            X, Y, LAYERS, num_iterations=ITERATIONS, rng=np.random.RandomState(0)
        )

    def train_keras():
        for _ in range(ITERATIONS):
            network.train_on_batch(rows_of_X, Y.T)

    half = max(1, repeats // 2)
    comparisons = {  # ours, the other, how much each does, how often
        "conv_forward, loops": (double.forward, double.forward_loops, 1, half),
        "conv_backward, loops": (double.backward, double.backward_loops, 1, half),
        "conv_forward, Keras": (single.forward, keras_forward, 1, repeats),
        "conv_forward and conv_backward, Keras": (
            *(single.forward_and_backward, keras_both),
            *(1, repeats),
        ),
        "L_layer_model, Keras": (train, train_keras, ITERATIONS, repeats),
    }
    rows, figures = [], {}
    for name, (ours, other, amount, times) in comparisons.items():
        command_line.note(f"{name} ...")
        ours()
        if not name.endswith("loops"):
            other()  # compile
        pairs = [(_seconds(ours), _seconds(other)) for _ in range(times)]
        ratios = [theirs / mine for mine, theirs in pairs]
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.3g} to {max(ratios):.3g}",
                "ours, ms": 1000 * mine / amount,
                "other, ms": 1000 * theirs / amount,
            }
        )
        key = name.replace(",", "").replace(" ", "_").lower()
        figures |= {
            f"{key}_ratio": rows[-1]["ratio"],
            f"{key}_seconds": mine / amount,
        }
    command_line.show_table("ratio: the other's time over ours", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


class _Convolution:
    """One convolution, forth and back, by the package and by loops."""

    def __init__(self, rng, dtype):
        shapes = [(BATCH, SIDE, SIDE, CHANNELS), (3, 3, CHANNELS, FILTERS)]
        shapes += [(1, 1, 1, FILTERS), (BATCH, SIDE, SIDE, FILTERS)]
        arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
        self.A_prev, self.W, self.b, self.dZ = arrays
        self.cache = (*arrays[:3], HYPERPARAMETERS)

    def forward(self):
        return convolution.conv_forward(*self.cache)

    def backward(self):
        return convolution.conv_backward(self.dZ, self.cache)

    def forward_and_backward(self):
        _, cache = self.forward()
        return convolution.conv_backward(self.dZ, cache)

    def forward_loops(self):
        return _forward_loops(*self.cache)

    def backward_loops(self):
        return _backward_loops(self.dZ, self.cache)


def _forward_loops(A_prev, W, b, hparameters):
    """The course's way: example by example, window by window, filter by filter."""
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f, _, _, n_C = W.shape
    n_H = (n_H_prev - f + 2 * pad) // stride + 1
    n_W = (n_W_prev - f + 2 * pad) // stride + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = convolution.zero_pad(A_prev, pad)
    for i in range(m):
        picture = A_prev_pad[i]
        for h in range(n_H):
            top = h * stride
            for w in range(n_W):
                left = w * stride
                for c in range(n_C):
                    window = picture[top : top + f, left : left + f, :]
                    product = np.multiply(window, W[:, :, :, c])
                    Z[i, h, w, c] = np.sum(product) + b[0, 0, 0, c]
    return Z


def _backward_loops(dZ, cache):
    """The course's way back."""
    A_prev, W, b, hparameters = cache
    stride, pad = hparameters["stride"], hparameters["pad"]
    f = W.shape[0]
    m, n_H, n_W, n_C = dZ.shape
    dW, db = np.zeros(W.shape), np.zeros(b.shape)
    A_prev_pad = convolution.zero_pad(A_prev, pad)
    dA_prev_pad = np.zeros(A_prev_pad.shape)
    for i in range(m):
        picture, gradient = A_prev_pad[i], dA_prev_pad[i]
        for h in range(n_H):
            top = h * stride
            for w in range(n_W):
                left = w * stride
                for c in range(n_C):
                    window = picture[top : top + f, left : left + f, :]
                    dz = dZ[i, h, w, c]
                    gradient[top : top + f, left : left + f, :] += W[:, :, :, c] * dz
                    dW[:, :, :, c] += window * dz
                    db[:, :, :, c] += dz
    inner = slice(pad, -pad or None)
    return dA_prev_pad[:, inner, inner], dW, db


def _keras_convolution(ours):
    """The same convolution in Keras: forth, and forth and back."""
    import tensorflow as tf
    from keras import ops

    arrays = [tf.constant(array) for array in ours.cache[:3]]
    dZ = tf.constant(ours.dZ)

    @tf.function
    def forward(A_prev, W, b):
        return ops.conv(A_prev, W, 1, "same", data_format="channels_last") + b

    @tf.function
    def both(A_prev, W, b):
        with tf.GradientTape() as tape:
            tape.watch([A_prev, W, b])
            Z = forward(A_prev, W, b)
        return tape.gradient(Z, [A_prev, W, b], output_gradients=dZ)

    return (
        lambda: forward(*arrays).numpy(),
        lambda: [gradient.numpy() for gradient in both(*arrays)],
    )


def _keras_network(keras):
    layers = [keras.Input((LAYERS[0],))]
    layers += [keras.layers.Dense(units, "relu") for units in LAYERS[1:-1]]
    layers += [keras.layers.Dense(LAYERS[-1], "sigmoid")]
    network = keras.Sequential(layers)
    network.compile(keras.optimizers.SGD(0.0075), "binary_crossentropy")
    return network


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
