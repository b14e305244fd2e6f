"""Pictures in a manner that nobody mistakes."""

import cv2
import numpy as np
import pytest

from dlai_keras.style_transfer import paintings


def signature(image):
    """Colours and brushwork: means and spreads, and energies at scales and angles."""
    lab = cv2.cvtColor(image.astype("float32") / 255, cv2.COLOR_RGB2LAB)
    parts = [lab.mean((0, 1)) / 60, lab.std((0, 1)) / 30]
    grey = lab[..., 0]
    for _ in range(3):
        across, down = (cv2.Sobel(grey, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
        parts.append([np.log1p(np.abs(across).mean()), np.log1p(np.abs(down).mean())])
        # Few strong edges or many weak ones.
        strong = np.hypot(across, down)
        parts.append([np.log(strong.std() / strong.mean() + 1)])
        grey = cv2.pyrDown(grey)
    return np.concatenate(parts)


def test_the_styles_are_told_apart_by_colours_and_brushwork():
    first, second = (
        np.stack([signature(one) for one in paintings.make_styles(seed, 64).values()])
        for seed in (0, 1)
    )
    far = np.linalg.norm(second[:, None] - first, axis=-1)
    assert far.argmin(axis=1).tolist() == list(range(len(paintings.STYLES)))


@pytest.mark.parametrize("style", paintings.STYLES)
def test_styles_come_in_any_size(style):
    for size in (32, (40, 72)):
        image = paintings.make_style(np.random.default_rng(0), style, size)
        sides = (size, size) if isinstance(size, int) else size
        assert image.shape == (*sides, 3) and image.dtype == np.uint8
        assert image.std() > 20


def test_a_style_is_the_same_whichever_others_are_asked_for():
    names = ["woodcut", "waves"]
    some, again = (
        paintings.make_styles(2, 32, names),
        paintings.make_styles(2, 32, names[::-1]),
    )
    assert list(some) == names
    for name in names:
        np.testing.assert_array_equal(some[name], again[name])
    other = paintings.make_styles(3, 32, ["waves"])["waves"]
    assert (other != some["waves"]).mean() > 0.1


def test_mistakes_say_what_was_expected():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"size=\(32, 32, 3\)"):
        paintings.make_style(rng, "waves", (32, 32, 3))
    with pytest.raises(ValueError, match=r"`name` must be one of strokes, .* 'crayon'"):
        paintings.make_style(rng, "crayon")
    with pytest.raises(ValueError, match="`names` must be one of"):
        paintings.make_styles(0, 32, ["waves", "crayon"])
    with pytest.raises(ValueError, match="`seed` must be 0 or more"):
        paintings.make_styles(-1)
