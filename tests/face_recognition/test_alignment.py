"""Five points brought to where a network expects them."""

import cv2
import numpy as np
import pytest

from dlai_keras.face_recognition.alignment import (
    TEMPLATES,
    align_face,
    check_image,
    similarity_transform,
    template_points,
)


def pairs(num=20, points=5, noise=8.0):
    """Points and their noisy images under some turn, size and shift."""
    for seed in range(num):
        rng = np.random.default_rng(seed)
        source = rng.uniform(0, 200, (points, 2))
        angle, scale = rng.uniform(-np.pi, np.pi), rng.uniform(0.1, 4)
        turn = scale * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        shift = rng.uniform(-300, 300, 2)
        target = source @ turn.T + shift + rng.normal(0, noise, source.shape)
        yield source, target, np.column_stack([turn, shift])


def moved(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


def umeyama(source, target):
    """Equations 40 to 43 of the paper, by singular values."""
    x, y = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(y.T @ x / len(x))
    signs = np.array([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = (d * signs).sum() / (x**2).sum(axis=1).mean()
    shift = target.mean(0) - scale * rotation @ source.mean(0)
    return np.column_stack([scale * rotation, shift])


def smooth_picture(height, width):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 17 + y / 29), np.cos(x / 23 - y / 19), np.sin(x * y / 4000)]
    return np.uint8(127 + 100 * np.stack(waves, axis=-1))


@pytest.mark.parametrize("points", [2, 5, 9])
def test_transform_is_the_least_squares_solution_of_its_four_numbers(points):
    for source, target, _ in pairs(points=points):
        x, y = source.T
        zeros, ones = np.zeros(points), np.ones(points)
        design = np.concatenate(
            [
                np.stack([x, -y, ones, zeros], axis=1),
                np.stack([y, x, zeros, ones], axis=1),
            ]
        )
        (a, b, tx, ty), *_ = np.linalg.lstsq(design, target.T.ravel(), rcond=None)
        expected = [[a, -b, tx], [b, a, ty]]
        found = similarity_transform(source, target)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mirrored", [False, True])
def test_transform_is_that_of_umeyama_and_never_mirrors(mirrored):
    for source, target, _ in pairs():
        target = target * ([-1, 1] if mirrored else [1, 1])
        found = similarity_transform(source, target)
        np.testing.assert_allclose(found, umeyama(source, target), atol=1e-9)
        assert np.linalg.det(found[:, :2]) > 0
        assert found[0, 0] == found[1, 1] and found[0, 1] == -found[1, 0]


def test_transform_is_that_of_opencv_where_all_points_count():
    for source, target, _ in pairs(noise=3):
        expected, used = cv2.estimateAffinePartial2D(
            source, target, ransacReprojThreshold=1e6, refineIters=100
        )
        assert used.all()
        found = similarity_transform(source, target)
        np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=1e-4)
        np.testing.assert_allclose(
            moved(found, source), moved(expected, source), atol=1e-2
        )


def test_transform_finds_again_what_points_were_moved_by():
    for source, target, matrix in pairs(noise=0):
        found = similarity_transform(source, target)
        np.testing.assert_allclose(found, matrix, atol=1e-9)


def test_template_of_another_size_is_fitted_into_the_middle():
    own = np.array(TEMPLATES["arcface"].points)
    np.testing.assert_allclose(template_points("arcface"), own)
    np.testing.assert_allclose(template_points("arcface", (224, 192)), own * 2)
    # 112 x 112 is ArcFace's own other size.
    np.testing.assert_allclose(
        template_points("arcface", (112, 112)), own + np.array([8, 0])
    )
    np.testing.assert_allclose(
        template_points("arcface", (132, 96)), own + np.array([0, 10])
    )
    small = template_points("openface", (24, 48))
    np.testing.assert_allclose(
        small, np.array(TEMPLATES["openface"].points) / 4 + [12, 0]
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_are_faces(name):
    height, width = TEMPLATES[name].size
    points = template_points(name)
    assert ((points > 0) & (points < [width, height])).all()
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1]
    assert nose[1] < min(left_mouth[1], right_mouth[1])


def test_points_as_a_template_are_taken_as_they_are():
    points = template_points("openface")
    np.testing.assert_array_equal(template_points(points, (7, 7)), points)


@pytest.mark.parametrize(("name", "size"), [("arcface", (112, 96)), ("openface", None)])
def test_aligned_face_shows_every_pixel_where_it_belongs(name, size):
    image = smooth_picture(180, 220)
    target = template_points(name, size)
    angle, scale = 0.3, 1.2
    turn = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    centre = target.mean(axis=0)
    landmarks = (target - centre) @ turn.T + [112, 92]
    face = align_face(image, landmarks, size, name)
    # Where each pixel of the face comes from, looked up one by one.
    y, x = np.mgrid[: face.shape[0], : face.shape[1]]
    places = (np.stack([x, y], axis=-1) - centre) @ turn.T + [112, 92]
    looked_up = cv2.remap(
        image, np.float32(places[..., 0]), np.float32(places[..., 1]), cv2.INTER_LINEAR
    )
    difference = np.abs(face.astype(int) - looked_up)
    assert face.shape[:2] == TEMPLATES[name].size
    assert difference.max() <= 4  # OpenCV rounds places to 1/32 of a pixel
    assert difference.mean() < 0.5


def test_a_large_face_is_averaged_before_it_is_made_small():
    y, x = np.mgrid[:800, :800]
    stripes = np.repeat(np.uint8((x + y) % 2 * 255)[..., None], 3, axis=-1)
    landmarks = template_points("arcface") * 7.3 + 20
    face = align_face(stripes, landmarks, (112, 96))
    inner = face[10:100, 10:86]
    assert np.abs(inner.astype(int) - 127).max() < 20
    # And nothing moves: a smooth picture comes out as if looked up.
    image = smooth_picture(900, 800)
    face = align_face(image, landmarks, (112, 96)).astype(int)
    places = np.stack(np.meshgrid(np.arange(96), np.arange(112)), axis=-1) * 7.3 + 20
    places = np.float32(places)
    looked_up = cv2.remap(
        cv2.GaussianBlur(image, (0, 0), 3), places, None, cv2.INTER_LINEAR
    )
    difference = np.abs(face - looked_up)[2:110, 2:94]
    assert difference.mean() < 2


def test_outside_the_picture_is_black():
    image = np.full((100, 100, 3), 200, "uint8")
    face = align_face(image, template_points("arcface") - [60, 0], (112, 96))
    assert not face[:, :59].any()
    assert (face[:99, 61:] == 200).all()


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (np.zeros((9, 9), "uint8"), "is grey"),
        (np.zeros((9, 9, 1), "uint8"), "is grey"),
        (np.zeros((9, 9, 2), "uint8"), "is grey with transparency"),
        (np.zeros((9, 9, 4), "uint8"), "has transparency"),
        (np.zeros((9, 9, 3), "float32"), "is not of whole numbers"),
        (np.zeros((9, 0, 3), "uint8"), "is no picture"),
        (np.zeros((2, 9, 9, 3), "uint8"), "is no picture"),
    ],
)
def test_what_is_no_colour_picture_is_refused_in_one_line(image, problem):
    with pytest.raises(ValueError, match=rf"^guest\.png {problem}.*Received") as caught:
        check_image(image, "guest.png")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=problem):
        align_face(image, template_points("arcface"))


def test_wrong_arguments_are_named():
    image, points = np.zeros((50, 50, 3), "uint8"), template_points("arcface")
    with pytest.raises(ValueError, match="`template` must be one of arcface"):
        align_face(image, points, (112, 96), "dlib")
    with pytest.raises(ValueError, match="`size` must be given"):
        align_face(image, points, template=points)
    with pytest.raises(ValueError, match="`landmarks` must be \\(5, 2\\)"):
        align_face(image, points[:4])
    with pytest.raises(ValueError, match="`landmarks` must be finite"):
        align_face(image, points * np.nan)
    with pytest.raises(ValueError, match="All points of `source` are one"):
        align_face(image, np.full((5, 2), 33.3))
    with pytest.raises(ValueError, match="`source` and `target` must be as many"):
        similarity_transform(points, points[:3])
    with pytest.raises(ValueError, match="two points or more"):
        similarity_transform(points[:1], points[:1])
    for size in [(112,), (0, 96), (112.0, 96), (1, 2, 3)]:
        with pytest.raises(ValueError, match="`size` must be height and width"):
            template_points("arcface", size)
