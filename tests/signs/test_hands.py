import math

import cv2
import numpy as np
import pytest

from dlai_keras.signs import hands


@pytest.fixture(scope="module")
def signs():
    return hands.make_signs(np.random.default_rng(0), 36)


@pytest.fixture(scope="module")
def planned():
    return [
        hands.plan_hand(np.random.default_rng((7, i)), i % hands.NUM_CLASSES)
        for i in range(480)
    ]


def dress(hand, seed=0, **options):
    return hands.render_hand(np.random.default_rng(seed), hand, **options)


# Sets


def test_images_and_labels_have_the_course_format(signs):
    images, labels = signs
    assert images.shape == (36, 64, 64, 3) and images.dtype == np.uint8
    assert labels.shape == (36,) and labels.dtype == np.int64


def test_classes_are_balanced_whatever_the_number_of_pictures():
    for num in (0, 1, 6, 17):
        _, labels = hands.make_signs(np.random.default_rng(0), num, size=16)
        counts = np.bincount(labels, minlength=hands.NUM_CLASSES)
        assert counts.sum() == num and np.ptp(counts) <= 1


def test_a_seed_gives_the_same_pictures_and_another_seed_others(signs):
    again, _ = hands.make_signs(np.random.default_rng(0), 12)
    other, _ = hands.make_signs(np.random.default_rng(1), 12)
    np.testing.assert_array_equal(again, signs[0][:12])
    assert all((a != b).any() for a, b in zip(again, other, strict=True))


def test_a_picture_does_not_depend_on_how_many_are_drawn(signs):
    few, _ = hands.make_signs(np.random.default_rng(0), 5)
    np.testing.assert_array_equal(few, signs[0][:5])


def test_pictures_drawn_one_by_one_are_those_of_the_set(signs):
    stream = hands.iterate_signs(np.random.default_rng(0), 36)
    for image, label in zip(*signs, strict=True):
        streamed, number = next(stream)
        np.testing.assert_array_equal(streamed, image)
        assert number == label


def test_global_random_state_is_neither_used_nor_changed():
    images = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 what is tested
        cv2.setRNGSeed(seed)
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        images.append(hands.draw_hand(np.random.default_rng(0), 4))
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_array_equal(*images)


def test_pictures_have_the_size_that_is_asked_for():
    for size in (16, 33, 96):
        image = hands.draw_hand(np.random.default_rng(0), 2, size=size)
        assert image.shape == (size, size, 3) and image.dtype == np.uint8


# What the fingers show


def straightness(hand, finger):
    """Distance from a finger's knuckle to its tip, by the length of its bones."""
    start = 1 if finger == 0 else 0
    bones = np.diff(hand.joints[finger, start:], axis=0)
    whole = np.linalg.norm(bones, axis=1).sum()
    return math.dist(hand.joints[finger, start], hand.joints[finger, 3]) / whole


def is_up(hand, finger):
    """Whether a finger is straight; the thumb must also stand off to its side."""
    if straightness(hand, finger) < 0.93:
        return False
    if finger > 0:
        return True
    across = hand.palm[3] - hand.palm[2]  # from the pinky's knuckle to the index's
    thumb = hand.joints[0, 3] - hand.joints[0, 0]
    return thumb @ across / (np.linalg.norm(thumb) * np.linalg.norm(across)) > 0.42


def test_as_many_fingers_are_up_as_the_number_says(planned):
    for hand in planned:
        up = tuple(is_up(hand, finger) for finger in range(5))
        assert up == hand.extended
        assert sum(up) == hand.number


def test_three_four_and_nothing_are_shown_in_more_than_one_way(planned):
    ways = {
        number: {hand.extended for hand in planned if hand.number == number}
        for number in range(hands.NUM_CLASSES)
    }
    assert [len(ways[number]) for number in range(6)] == [1, 1, 1, 2, 2, 1]
    assert (True, True, True, False, False) in ways[3]
    assert (False, True, True, True, False) in ways[3]


def test_zero_is_a_ring_of_thumb_and_index_in_most_pictures_else_a_fist(planned):
    zeros = [hand for hand in planned if hand.number == 0]
    gaps = [math.dist(h.joints[0, 3], h.joints[1, 3]) / h.scale for h in zeros]
    # A fist's fingers turn back to the palm.
    is_ring = np.array([straightness(hand, 1) for hand in zeros]) > 0.6
    assert 0.6 < is_ring.mean() < 0.9
    assert np.median(np.array(gaps)[is_ring]) < 0.3


def test_bones_keep_their_lengths_in_all_poses():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        _, joints, *_ = hands._pose(rng, seed % 6)
        lengths = np.linalg.norm(np.diff(joints, axis=1), axis=2)
        ratio = lengths / hands.PHALANGES
        assert ratio.min() > 0.77 and ratio.max() < 1.12
        np.testing.assert_allclose(ratio, ratio[:, :1].repeat(3, axis=1), rtol=1e-6)


def test_all_fingertips_and_knuckles_lie_inside_the_picture(planned):
    for hand in planned:
        low = hand.joints[..., :2] - hand.radii[..., None]
        high = hand.joints[..., :2] + hand.radii[..., None]
        assert low.min() > 0 and high.max() < 1


def test_fingers_that_count_are_seen_and_are_apart(planned):
    light = np.array([0.0, 0.0, 1.0])
    for hand in planned[:180]:
        surface = hands._rasterise(hand, light, 192, has_sleeve=False)
        for finger in np.flatnonzero(hand.extended):
            last = 3 * finger + 3
            visible = (surface.part == last).mean()
            length = math.dist(hand.joints[finger, 2, :2], hand.joints[finger, 3, :2])
            outline = 2 * length * hand.radii[finger, 3]
            assert visible > 0.5 * outline


def test_left_and_right_hands_palms_and_backs_at_many_angles_are_drawn(planned):
    directions = []
    sides = set()
    for hand in planned:
        if hand.number != 5:
            continue
        middle = hand.joints[2, 0, :2] - hand.palm[:2, :2].mean(axis=0)
        directions.append(math.atan2(middle[0], -middle[1]))
        across = hand.palm[3, :2] - hand.palm[2, :2]
        thumb_is_right = across[0] * -middle[1] + across[1] * middle[0] > 0
        sides.add((hand.is_palm, bool(thumb_is_right)))
    assert len(sides) == 4
    assert 0.35 < np.std(directions) < 0.9
    assert np.mean(np.abs(directions) < math.radians(60)) > 0.85


def test_hands_fill_from_a_third_of_the_picture_to_nearly_all_of_it(planned):
    extents = np.array([np.ptp(h.joints[..., :2], axis=(0, 1)).max() for h in planned])
    assert extents.min() < 0.4 and extents.max() > 0.8


# What it looks like


def test_skins_go_from_very_pale_to_very_dark_and_stay_skin():
    rng = np.random.default_rng(0)
    skins = np.array([hands._draw_skin(rng)[0] for _ in range(400)])
    brightness = skins.mean(axis=1)
    assert brightness.min() < 0.25 and brightness.max() > 0.8
    red, green, blue = skins.T
    assert np.mean((red > green) & (green > blue)) > 0.9


def test_backgrounds_are_pale_dark_coloured_and_textured():
    rng = np.random.default_rng(0)
    skin = np.array([0.8, 0.6, 0.5])
    scenes = np.array([hands._draw_background(rng, 64, skin) for _ in range(300)])
    means = scenes.mean(axis=(1, 2))
    brightness = means.mean(axis=1)
    assert np.mean(brightness > 0.7) > 0.15 and np.mean(brightness < 0.35) > 0.1
    assert np.mean(np.ptp(means, axis=1) > 0.15) > 0.15  # coloured
    details = scenes - np.array([cv2.GaussianBlur(x, (0, 0), 4) for x in scenes])
    busy = details.std(axis=(1, 2, 3))
    assert np.mean(busy < 0.01) > 0.3 and np.mean(busy > 0.02) > 0.1


def test_the_hand_stands_out_from_what_is_behind_it():
    light = np.array([0.0, 0.0, 1.0])
    differences = []
    for i in range(60):
        rng = np.random.default_rng((3, i))
        hand = hands.plan_hand(rng, i % 6)
        image = hands.render_hand(rng, hand).astype(float) / 255
        part = hands._rasterise(hand, light, 64, has_sleeve=False).part
        fingers = (part > 0) & (part <= 15)
        near = cv2.dilate(fingers.astype(np.uint8), np.ones((7, 7))) > 0
        behind = near & (cv2.dilate((part > 0).astype(np.uint8), np.ones((3, 3))) == 0)
        colours = image[fingers].mean(axis=0), image[behind].mean(axis=0)
        differences.append(np.abs(colours[0] - colours[1]).max())
    assert np.mean(np.array(differences) > 0.08) > 0.95


def test_one_pose_is_dressed_in_many_ways():
    hand = hands.plan_hand(np.random.default_rng(0), 5)
    images = np.array([dress(hand, seed) for seed in range(30)], float)
    assert images.std(axis=0).mean() > 30


def test_neighbouring_fingers_are_told_apart_by_darker_lines():
    # Two equal bones side by side: where they touch it is darker than on their ridges.
    surface = hands._Surface(256, np.array([0.0, 0.0, 1.0]))
    for x in (0.44, 0.56):
        a, b = np.array([x, 0.2, 0.0]), np.array([x, 0.8, 0.0])
        surface.capsule(a, b, 0.06, 0.06, 1)
    hand = hands.plan_hand(np.random.default_rng(0), 5)
    shade, cover, *_ = hands._shade(np.random.default_rng(0), surface, hand, 64)
    row = shade[32]
    ridge = row[[28, 35]].mean()
    assert cover[32, 31] == cover[32, 32] == 1
    assert row[31:33].mean() < 0.85 * ridge


def test_a_capsule_has_the_depth_of_the_balls_it_is_the_hull_of():
    surface = hands._Surface(200, np.array([0.0, 0.0, 1.0]))
    a, b, radius = np.array([0.3, 0.4, -0.1]), np.array([0.7, 0.55, 0.2]), 0.1
    surface.capsule(a, b, radius, radius, 5)
    grid = (np.arange(200) + 0.5) / 200
    expected = np.full((200, 200), -np.inf)
    for t in np.linspace(0, 1, 401):
        x, y, z = a + t * (b - a)
        inside = radius**2 - (grid[None] - x) ** 2 - (grid[:, None] - y) ** 2
        ball = np.where(inside > 0, z + np.sqrt(np.maximum(inside, 0)), -np.inf)
        expected = np.maximum(expected, ball)
    both = (surface.part == 5) & np.isfinite(expected)
    outlines_differ = (surface.part == 5) != np.isfinite(expected)
    assert both.sum() > 3000 and outlines_differ.sum() < 0.02 * both.sum()
    error = np.abs(surface.depth - expected)[both]
    assert np.quantile(error, 0.98) < 0.01


def upright(image, hand):
    """Puts the palm in the lower middle of the picture, with the thumb to the left."""
    wrist = hand.palm[:2, :2].mean(axis=0)
    knuckles = hand.joints[1:, 0, :2].mean(axis=0)
    up = (knuckles - wrist) / np.linalg.norm(knuckles - wrist)
    left = np.array([up[1], -up[0]])
    if (hand.palm[3, :2] - hand.palm[2, :2]) @ left < 0:
        left = -left
    points = np.array([wrist, wrist + hand.scale * up, wrist + hand.scale * left])
    target = np.array([[32, 60], [32, 34], [6, 60]])
    affine = cv2.getAffineTransform(
        (points * image.shape[0]).astype(np.float32), target.astype(np.float32)
    )
    return cv2.warpAffine(image, affine, (64, 64), borderMode=cv2.BORDER_REPLICATE)


def test_every_number_can_be_told_from_the_others(planned):
    """A linear classifier on the edges of hands put upright beats chance by far."""
    hog = cv2.HOGDescriptor((64, 64), (16, 16), (8, 8), (8, 8), 9)
    images = [upright(dress(x, i), x) for i, x in enumerate(planned[:300])]
    labels = np.array([hand.number for hand in planned[:300]])
    features = np.array([hog.compute(image).ravel() for image in images], float)
    targets = np.eye(hands.NUM_CLASSES)[labels] - 1 / hands.NUM_CLASSES
    train, test = slice(0, 200), slice(200, 300)
    features -= features[train].mean(axis=0)
    kernel = features @ features[train].T
    weights = np.linalg.solve(kernel[train] + 30 * np.eye(200), targets[train])
    scores = kernel[test] @ weights
    assert np.mean(scores.argmax(axis=1) == labels[test]) > 0.75  # chance: 0.17


# Mistakes


@pytest.mark.parametrize("number", [-1, 6, 2.5])
def test_a_number_that_no_hand_shows_is_refused(number):
    with pytest.raises(ValueError, match="`number` must be an integer from 0 to 5"):
        hands.draw_hand(np.random.default_rng(0), number)


def test_pictures_too_small_and_negative_counts_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="`size` must be 16 pixels or more"):
        hands.draw_hand(rng, 1, size=15)
    with pytest.raises(ValueError, match="`size`"):
        hands.iterate_signs(rng, 6, size=0)
    with pytest.raises(ValueError, match="`num` must be 0 or more"):
        hands.make_signs(rng, -1)


def test_pictures_are_the_same_for_any_number_of_workers():
    alone = list(hands.iterate_signs(np.random.default_rng(3), 70, size=16))
    shared = list(hands.iterate_signs(np.random.default_rng(3), 70, size=16, workers=1))
    assert [label for _, label in shared] == [label for _, label in alone]
    for (one, _), (other, _) in zip(shared, alone, strict=True):
        np.testing.assert_array_equal(one, other)
