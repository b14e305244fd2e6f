"""What LeNet-5's outputs are compared with."""

import numpy as np
import pytest

from dlai_keras.classic_convnets.codes import class_codes, digit_codes


def test_every_digit_is_drawn_and_differs_from_the_others():
    codes = digit_codes()
    assert codes.shape == (10, 84) and set(np.unique(codes)) == {-1, 1}
    distances = (codes[:, None] != codes).sum(axis=-1)[~np.eye(10, dtype=bool)]
    assert distances.min() >= 6
    assert ((codes == 1).sum(axis=1) > 12).all()


def test_similar_digits_have_similar_codes():
    codes = digit_codes()
    assert (codes[3] != codes[8]).sum() < (codes[1] != codes[8]).sum()


@pytest.mark.parametrize("num_classes", [1, 2, 26, 100])
def test_other_classes_get_codes_that_are_far_apart(num_classes):
    codes = class_codes(num_classes)
    assert codes.shape == (num_classes, 84) and set(np.unique(codes)) <= {-1, 1}
    distances = (codes[:, None] != codes).sum(axis=-1)
    off = distances[~np.eye(num_classes, dtype=bool)]
    assert num_classes == 1 or off.min() >= 25
    np.testing.assert_array_equal(codes, class_codes(num_classes))


def test_ten_classes_of_another_length_are_no_digits():
    assert class_codes(10, 40).shape == (10, 40)
    np.testing.assert_array_equal(class_codes(10, 84), digit_codes())
