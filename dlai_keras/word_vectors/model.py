"""Models whose weights are word vectors: skip-gram, CBOW and GloVe."""

import keras
from keras import ops

from dlai_keras.word_vectors.layers import WindowMean


def skip_gram(num_words: int, dim: int = 100, *, name: str = "skip_gram"):
    """Tells from each word of a row which others stand near it.

    All products of a row are one of two matrices: those of a word with the words
    around it, and with negatives that the row shares.

    Args:
        num_words: of the vocabulary.
        dim: numbers of a vector.
        name: of the model.

    Returns:
        A model of `words` `(batch, length)` and `negatives` `(batch, num)`; the
        `(batch, length, length + num)` that `SkipGramLoss` takes. The vectors are the
        weights of the layer `vectors`.

    Example:
        >>> import numpy as np
        >>> model = skip_gram(10, 4)
        >>> text = {"words": np.ones((2, 8), "int32")}
        >>> text["negatives"] = np.ones((2, 3), "int32")
        >>> model(text).shape, model.count_params()
        (TensorShape([2, 8, 11]), 80)

    Reference:
        Mikolov et al., 2013, "Distributed representations of words and phrases and
        their compositionality", section 2.2.
    """
    words, negatives, vectors, contexts = _word2vec(num_words, dim)
    x = ops.concatenate([contexts(words), contexts(negatives)], axis=1)
    products = ops.matmul(vectors(words), ops.transpose(x, (0, 2, 1)))
    inputs = {"words": words, "negatives": negatives}
    return keras.Model(inputs, products, name=name)


def cbow(num_words: int, dim: int = 100, *, name: str = "cbow"):
    """Tells each word of a row from the mean of the words around it.

    Args:
        num_words: of the vocabulary.
        dim: numbers of a vector.
        name: of the model.

    Returns:
        A model of `words` `(batch, length)`, `negatives` `(batch, num)` and `reach`
        `(batch, length, 2)`; the `(batch, length, 1 + num)` that `CbowLoss` takes. The
        vectors are the weights of the layer `vectors`.

    Example:
        >>> import numpy as np
        >>> text = {"words": np.ones((2, 8), "int32")}
        >>> text["negatives"] = np.ones((2, 3), "int32")
        >>> text["reach"] = np.ones((2, 8, 2), "int32")
        >>> cbow(10, 4)(text).shape
        TensorShape([2, 8, 4])

    Reference:
        Mikolov et al., 2013, "Efficient estimation of word representations in vector
        space", section 3.1.
    """
    words, negatives, vectors, contexts = _word2vec(num_words, dim)
    reach = keras.Input((None, 2), dtype="int32", name="reach")
    mean = WindowMean(name="window_mean")([vectors(words), reach])
    near = ops.sum(mean * contexts(words), axis=-1, keepdims=True)
    far = ops.matmul(mean, ops.transpose(contexts(negatives), (0, 2, 1)))
    inputs = {"words": words, "negatives": negatives, "reach": reach}
    return keras.Model(inputs, ops.concatenate([near, far], axis=-1), name=name)


def glove(num_words: int, dim: int = 100, *, name: str = "glove"):
    """Tells the logarithm of how often two words stand near each other.

    Args:
        num_words: of the vocabulary.
        dim: numbers of a vector.
        name: of the model.

    Returns:
        A model of `words` and `contexts`, both `(batch, 1)`; the `(batch, 1)` that
        `GloveLoss` takes. The vectors are the weights of the layers `vectors` and
        `context_vectors` added up.

    Example:
        >>> import numpy as np
        >>> pair = {name: np.ones((2, 1), "int32") for name in ("words", "contexts")}
        >>> glove(10, 4)(pair).shape
        TensorShape([2, 1])

    Reference:
        Pennington et al., 2014, "GloVe: Global vectors for word representation",
        equation 7.
    """
    start = keras.initializers.RandomUniform(-0.5 / dim, 0.5 / dim)
    sides = []
    for side in ("words", "contexts"):
        word = keras.Input((1,), dtype="int32", name=side)
        layer = "vectors" if side == "words" else "context_vectors"
        vector = keras.layers.Embedding(num_words, dim, start, name=layer)(word)
        bias = keras.layers.Embedding(num_words, 1, "zeros", name=f"{side}_bias")(word)
        sides.append((word, vector, bias))
    (word, u, b), (context, v, c) = sides
    outputs = ops.sum(u * v, axis=-1) + (b + c)[..., 0]
    inputs = {"words": word, "contexts": context}
    return keras.Model(inputs, outputs, name=name)


def _word2vec(num_words, dim):
    words = keras.Input((None,), dtype="int32", name="words")
    negatives = keras.Input((None,), dtype="int32", name="negatives")
    start = keras.initializers.RandomUniform(-0.5 / dim, 0.5 / dim)
    vectors = keras.layers.Embedding(num_words, dim, start, name="vectors")
    # Of zeros, as in word2vec's program: what never is a context stays out of the way.
    contexts = keras.layers.Embedding(num_words, dim, "zeros", name="context_vectors")
    return words, negatives, vectors, contexts
