"""The three networks that find faces, and what stands between them."""

import os
import pickle
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from dlai_keras import images
from dlai_keras.boxes import greedy_nms
from dlai_keras.face_recognition.alignment import align_face, template_points
from dlai_keras.face_recognition.mtcnn import (
    FaceFinder,
    Faces,
    load_mtcnn,
    pack,
    suppress_contained,
)

backends = pytest.mark.backends
# Layers with weights as facenet's files name them: kind, shape of what they multiply.
FILES = {
    1: {
        "conv1": (3, 3, 3, 10),
        "conv2": (3, 3, 10, 16),
        "conv3": (3, 3, 16, 32),
        "conv4-1": (1, 1, 32, 2),
        "conv4-2": (1, 1, 32, 4),
        "PReLU1": (10,),
        "PReLU2": (16,),
        "PReLU3": (32,),
    },
    2: {
        "conv1": (3, 3, 3, 28),
        "conv2": (3, 3, 28, 48),
        "conv3": (2, 2, 48, 64),
        "conv4": (576, 128),
        "conv5-1": (128, 2),
        "conv5-2": (128, 4),
        "prelu1": (28,),
        "prelu2": (48,),
        "prelu3": (64,),
        "prelu4": (128,),
    },
    3: {
        "conv1": (3, 3, 3, 32),
        "conv2": (3, 3, 32, 64),
        "conv3": (3, 3, 64, 64),
        "conv4": (2, 2, 64, 128),
        "conv5": (1152, 256),
        "conv6-1": (256, 2),
        "conv6-2": (256, 4),
        "conv6-3": (256, 10),
        "prelu1": (32,),
        "prelu2": (64,),
        "prelu3": (64,),
        "prelu4": (128,),
        "prelu5": (256,),
    },
}
LFW = (
    "George_W_Bush/George_W_Bush_0001.jpg",
    "Tony_Blair/Tony_Blair_0004.jpg",
    "Hugo_Chavez/Hugo_Chavez_0007.jpg",
)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A few pictures are not worth a compilation, but on JAX."""

    def predict_eagerly(self, batch):
        outputs = self(keras.ops.convert_to_tensor(batch), training=False)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    if keras.backend.backend() != "jax":
        monkeypatch.setattr(keras.Model, "predict_on_batch", predict_eagerly)


def random_arrays(number, gain=1.0):
    """As `facenet` has them: a dictionary of dictionaries."""
    rng = np.random.default_rng(number)
    layers = {}
    for layer, shape in FILES[number].items():
        if len(shape) == 1:
            layers[layer] = {"alpha": rng.uniform(-0.5, 0.5, shape)}
        else:
            spread = gain * np.sqrt(1 / np.prod(shape[:-1]))
            layers[layer] = {
                "weights": rng.normal(0, spread, shape),
                "biases": rng.normal(0, 0.1, shape[-1:]),
            }
    return {
        layer: {kind: np.float32(array) for kind, array in kinds.items()}
        for layer, kinds in layers.items()
    }


def flattened(layers):
    return {
        f"{layer}__{kind}": array
        for layer, kinds in layers.items()
        for kind, array in kinds.items()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mtcnn")
    for number in FILES:
        np.savez(folder / f"det{number}.npz", **flattened(random_arrays(number)))
    return folder


@pytest.fixture(scope="module")
def finder(folder):
    return load_mtcnn(folder)


def noise(height, width, num=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num, height, width, 3), dtype="uint8")


# The definition, in plain NumPy, on pictures with x before y


def windows(x, size, strides):
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return view[:, ::strides, ::strides]  # (batch, x, y, channels, size, size)


def convolved(x, weights, biases):
    return np.einsum("bxycij,ijco->bxyo", windows(x, len(weights), 1), weights) + biases


def pooled(x, size, same):
    if same:
        rest = [max((-(-n // 2) - 1) * 2 + size - n, 0) for n in x.shape[1:3]]
        pads = [(0, 0), *((r // 2, r - r // 2) for r in rest), (0, 0)]
        x = np.pad(x, pads, constant_values=-np.inf)
    return windows(x, size, 2).max((-2, -1))


def by_definition(number, arrays, batch):
    """What the network makes of pictures `(batch, x, y, 3)`, as Caffe has them."""
    arrays = {name.lower(): array for name, array in arrays.items()}
    x = (batch.astype("float64") - 127.5) / 128
    pools = {1: [(2, True)], 2: [(3, True), (3, False)]}
    pools[3] = [*pools[2], (2, True)]
    heads = {1: 4, 2: 5, 3: 6}[number]
    for i in range(1, heads):
        layer = arrays[f"conv{i}"]
        if layer["weights"].ndim == 4:
            x = convolved(x, layer["weights"], layer["biases"])
        else:
            x = x.reshape(len(x), -1) @ layer["weights"] + layer["biases"]
        x = np.maximum(x, 0) + arrays[f"prelu{i}"]["alpha"] * np.minimum(x, 0)
        if i <= len(pools[number]):
            x = pooled(x, *pools[number][i - 1])
    outputs = {}
    for i, name in enumerate(("probabilities", "offsets", "landmarks")[: heads - 2], 1):
        layer = arrays.get(f"conv{heads}-{i}")
        if layer is not None:
            weights = layer["weights"].reshape(x.shape[-1], -1)
            outputs[name] = x @ weights + layer["biases"]
    odds = np.exp(outputs["probabilities"])
    outputs["probabilities"] = odds / odds.sum(-1, keepdims=True)
    return outputs


class PlainNetwork:
    """Stands in for a model."""

    def __init__(self, number, arrays):
        self.number, self.arrays = number, arrays

    def predict_on_batch(self, batch):
        outputs = by_definition(self.number, self.arrays, batch.swapaxes(1, 2))
        return {
            name: values.swapaxes(1, 2) if values.ndim == 4 else values
            for name, values in outputs.items()
        }


# The networks


@backends
@pytest.mark.parametrize(
    ("number", "size"), [(1, (21, 16)), (2, (24, 24)), (3, (48,) * 2)]
)
def test_networks_equal_their_definition_on_turned_pictures(number, size, finder):
    network = (finder.p_net, finder.r_net, finder.o_net)[number - 1]
    batch = noise(*size, num=2, seed=number)
    outputs = network.predict_on_batch(batch)
    expected = PlainNetwork(number, random_arrays(number)).predict_on_batch(batch)
    assert outputs.keys() == expected.keys()
    for name, values in outputs.items():
        assert np.std(expected[name]) > 0.01
        np.testing.assert_allclose(values, expected[name], atol=2e-5, err_msg=name)


def test_networks_have_the_papers_sizes(finder):
    networks = (finder.p_net, finder.r_net, finder.o_net)
    assert [network.count_params() for network in networks] == [
        sum(array.size for array in flattened(random_arrays(number)).values())
        for number in FILES
    ]
    assert networks[0].output["offsets"].shape == (None, None, None, 4)
    assert networks[2].output["landmarks"].shape == (None, 10)


def test_networks_survive_saving(tmp_path, finder):
    finder.o_net.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    crops = noise(48, 48)
    for name, values in loaded.predict_on_batch(crops).items():
        np.testing.assert_allclose(values, finder.o_net.predict_on_batch(crops)[name])


# Files


def test_facenets_own_files_are_read(tmp_path, finder):
    place = tmp_path / "face_recognition" / "mtcnn"
    place.mkdir(parents=True)
    for number in FILES:
        np.save(place / f"det{number}.npy", random_arrays(number))
    read = load_mtcnn(tmp_path, min_size=30)
    assert read.min_size == 30
    for name in ("p_net", "r_net", "o_net"):
        networks = (getattr(one, name).get_weights() for one in (read, finder))
        for one, other in zip(*networks, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_file_that_would_run_code_is_refused(tmp_path, folder):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    for number in FILES:
        (tmp_path / f"det{number}.npz").write_bytes(
            (folder / f"det{number}.npz").read_bytes()
        )
    (tmp_path / "det2.npz").unlink()
    with (tmp_path / "det2.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(Trap(), file, protocol=2)
    with pytest.raises(ValueError, match=r"det2\.npy holds no weights.*no array"):
        load_mtcnn(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_missing_and_wrong_files_are_named(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"no det1\.npy.*davidsandberg/facenet"):
        load_mtcnn(tmp_path)
    for number in (2, 3):
        (tmp_path / f"det{number}.npz").symlink_to(folder / f"det{number}.npz")
    broken = tmp_path / "det1.npz"
    broken.write_bytes(b"PK\3\4 not a zip")
    with pytest.raises(ValueError, match=r"det1\.npz holds no weights of MTCNN"):
        load_mtcnn(tmp_path)
    broken.rename(tmp_path / "det1.npy")
    with pytest.raises(ValueError, match=r"det1\.npy holds no weights of MTCNN"):
        load_mtcnn(tmp_path)
    arrays = flattened(random_arrays(1))
    arrays["conv2__weights"] = arrays["conv2__weights"][:2]
    del arrays["PReLU3__alpha"]
    np.savez(tmp_path / "det1_plain.npz", **arrays)
    message = (
        r"det1_plain\.npz holds no weights of p_net: conv2__weights has shape "
        r"\(2, 3, 10, 16\) and not \(3, 3, 10, 16\), prelu3__alpha is missing"
    )
    with pytest.raises(ValueError, match=message):
        load_mtcnn(tmp_path)


# Between the networks


@pytest.mark.parametrize("size", [(250, 250), (96, 96), (480, 640), (90, 700)])
def test_sheets_hold_every_picture_and_none_overlap(size):
    sizes = FaceFinder(None, None, None)._pyramid(*size)
    places, (height, width) = pack(sizes)
    taken = np.zeros((height, width), int)
    for (rows, columns), (top, left) in zip(sizes, places, strict=True):
        assert top % 2 == left % 2 == rows % 2 == columns % 2 == 0
        assert top + rows <= height and left + columns <= width
        taken[top : top + rows, left : left + columns] += 1
    assert taken.max() == 1
    assert taken.mean() > 0.45


def test_pyramid_reaches_from_the_smallest_face_to_the_whole_picture():
    sizes = FaceFinder(None, None, None, min_size=24)._pyramid(200, 300)
    assert sizes[0] == (100, 150)
    assert 12 <= min(sizes[-1]) < 12 / 0.709 + 2
    areas = np.prod(sizes, axis=1)
    np.testing.assert_allclose(areas[1:] / areas[:-1], 0.5, rtol=0.2)
    assert FaceFinder(None, None, None)._pyramid(19, 300) == []
    huge = FaceFinder(None, None, None, max_side=400)._pyramid(3000, 4000)
    assert huge[0] == (300, 400)


def test_one_sheet_finds_what_picture_after_picture_finds(finder):
    """Windows of each size alone, without a sheet, are those that are proposed."""
    image = cv2.resize(noise(9, 12)[0], (160, 120), interpolation=cv2.INTER_CUBIC)
    found, scores, offsets = [], [], []
    one_by_one = FaceFinder(finder.p_net, None, None, thresholds=(0.5, 0, 0))
    for rows, columns in one_by_one._pyramid(120, 160):
        level = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        outputs = finder.p_net.predict_on_batch(level[None])
        here = []
        for i, j in np.ndindex(outputs["offsets"].shape[1:3]):
            score = outputs["probabilities"][0, i, j, 1]
            if score >= 0.5:
                window = np.array([2 * j, 2 * i, 2 * j + 12, 2 * i + 12], float)
                window *= np.tile([160 / columns, 120 / rows], 2)
                here.append((window, score, outputs["offsets"][0, i, j]))
        kept = greedy_nms([one[0] for one in here], [one[1] for one in here], 0.5)
        for values, column in zip((found, scores, offsets), range(3), strict=True):
            values += [here[i][column] for i in kept]
    kept = greedy_nms(np.array(found), np.array(scores), 0.7)
    expected = []
    for i in kept:
        (x1, y1, x2, y2), (a, b, c, d) = found[i], offsets[i]
        width, height = x2 - x1, y2 - y1
        x1, x2 = x1 + a * width, x2 + c * width
        y1, y2 = y1 + b * height, y2 + d * height
        side = max(x2 - x1, y2 - y1)
        corner = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) - side / 2
        expected.append([*corner, *(corner + side)])
    expected = np.array(expected)
    assert len(expected) > 30
    proposed = one_by_one._propose(image)
    assert np.array_equal(proposed, np.round(proposed))
    # The few that lie outside altogether are left out.
    inside = (expected[:, :2] < [159, 119]).all(1) & (expected[:, 2:] > 1).all(1)
    distances = np.abs(expected[inside][:, None] - proposed).max(-1).min(1)
    assert distances.max() <= 1.01  # whole pixels
    assert len(expected) - 3 <= len(proposed) <= len(expected)


def test_a_box_inside_another_is_no_second_face():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (40, 2))
    boxes_xyxy = np.concatenate([corners, corners + rng.uniform(5, 60, (40, 2))], 1)
    scores = rng.uniform(size=40)

    def shared(a, b):
        width = min(a[2], b[2]) - max(a[0], b[0])
        height = min(a[3], b[3]) - max(a[1], b[1])
        smaller = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
        return max(width, 0) * max(height, 0) / smaller

    kept = []
    for i in sorted(range(40), key=lambda i: -scores[i]):
        if all(shared(boxes_xyxy[i], boxes_xyxy[j]) <= 0.6 for j in kept):
            kept.append(i)
    assert suppress_contained(boxes_xyxy, scores, 0.6).tolist() == kept
    assert 5 < len(kept) < len(greedy_nms(boxes_xyxy, scores, 0.6))
    assert len(suppress_contained(np.zeros((0, 4)), np.zeros(0), 0.5)) == 0


class Fixed:
    """Stands in for a network: takes every crop for a face, and keeps the crops."""

    def __init__(self, offsets=(0, 0, 0, 0), landmarks=()):
        self.outputs = {
            "probabilities": np.array([0.02, 0.98]),
            "offsets": np.array(offsets, float),
            "landmarks": np.array(landmarks, float),
        }
        self.seen = []

    def predict_on_batch(self, batch):
        self.seen.append(batch.copy())
        return {
            name: np.repeat(values[None], len(batch), axis=0)
            for name, values in self.outputs.items()
        }


def test_offsets_and_landmarks_are_in_sizes_of_their_window():
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.3, 0.8], [0.7, 0.8]])
    last = Fixed((0.1, 0.2, -0.1, -0.2), points.T.ravel())
    finder = FaceFinder(None, Fixed((0.25, 0, 0, 0)), last)
    image = noise(120, 150)[0]
    windows = finder._refine(image, np.array([[20.0, 30.0, 60.0, 70.0]]))
    # 40 pixels; 30 wide and 40 high about x = 45, so a square from 25.
    assert windows.tolist() == [[25, 30, 65, 70]]
    faces = finder._conclude(image, windows)
    np.testing.assert_allclose(faces.boxes_xyxy, [[29, 38, 61, 62]], rtol=1e-6)
    np.testing.assert_allclose(faces.landmarks[0], points * 40 + [25, 30], rtol=1e-6)
    np.testing.assert_allclose(faces.scores, 0.98)
    assert faces.landmarks.dtype == faces.boxes_xyxy.dtype == "float32"
    (batch,) = last.seen
    assert len(batch) == 8  # always as many
    np.testing.assert_array_equal(
        batch[0], cv2.resize(image[30:70, 25:65], (48, 48), interpolation=3)
    )


def test_crops_are_black_outside_the_picture():
    network = Fixed()
    finder = FaceFinder(None, network, None)
    image = np.full((50, 40, 3), 90, "uint8")
    finder._refine(image, np.array([[-12.0, 38.0, 12.0, 62.0], [28, -12, 52, 12]]))
    crops = network.seen[0]
    assert (crops[0][:12, 12:] == 90).all()
    assert not crops[0][12:].any() and not crops[0][:, :12].any()
    assert (crops[1][12:, :12] == 90).all() and crops[1].sum() == 12 * 12 * 3 * 90


def test_any_number_of_candidates_goes_through_in_batches_of_one_size():
    network = Fixed()
    finder = FaceFinder(None, network, None)
    x = np.arange(70.0) * 20
    image = noise(30, 1500)[0]
    windows = finder._refine(image, np.stack([x, x * 0, x + 20, x * 0 + 20], axis=1))
    assert len(windows) == 70
    assert [len(batch) for batch in network.seen] == [32, 32, 32]
    assert network.seen[2][:6].any() and not network.seen[2][6:].any()


def faces_of(*boxes_xyxy):
    boxes_xyxy = np.array(boxes_xyxy, "float32").reshape(-1, 4)
    points = template_points("arcface") / [96, 112]
    sizes = boxes_xyxy[:, None, 2:] - boxes_xyxy[:, None, :2]
    landmarks = boxes_xyxy[:, None, :2] + points * sizes
    scores = np.linspace(0.99, 0.9, len(boxes_xyxy), dtype="float32")
    return Faces(boxes_xyxy, scores, landmarks)


@pytest.fixture
def seen(monkeypatch):
    """A finder that finds what it is told to."""

    def make(*boxes_xyxy):
        monkeypatch.setattr(FaceFinder, "find", lambda *_: faces_of(*boxes_xyxy))
        return FaceFinder(None, None, None)

    return make


def test_the_largest_face_is_the_one(seen):
    image = noise(200, 200)[0]
    one = seen([10, 10, 60, 70]).find_one(image)
    assert one.note == "" and one.score == pytest.approx(0.99)
    assert one.landmarks.shape == (5, 2) and one.box_xyxy.tolist() == [10, 10, 60, 70]
    several = seen([10, 10, 50, 60], [100, 10, 160, 80], [80, 80, 100, 100])
    one = several.find_one(image, name="door.jpg")
    assert one.box_xyxy.tolist() == [100, 10, 160, 80]
    assert one.note == "door.jpg shows 3 faces; the largest was taken, 60 pixels wide."


def test_no_tiny_and_several_faces_are_said_in_one_line(seen):
    image = noise(60, 80)[0]
    with pytest.raises(ValueError, match=r"^b\.jpg shows no face .* 80 x 60 pixels"):
        seen().find_one(image, name="b.jpg")
    with pytest.raises(ValueError, match=r"tiny face, 14 pixels wide.* 20 or more"):
        seen([10, 10, 24, 30]).find_one(image)
    assert seen([10, 10, 24, 30]).find_one(image, min_width=14)
    alike = seen([0, 0, 40, 40], [40, 0, 78, 40])
    with pytest.raises(ValueError, match="2 faces of like size, 40 and 38 pixels wide"):
        alike.find_one(image, several="error")
    assert alike.find_one(image).note
    behind = seen([0, 0, 40, 50], [50, 0, 70, 20])
    assert behind.find_one(image, several="error").box_xyxy[2] == 40
    with pytest.raises(ValueError, match="`several` must be one of largest, error"):
        behind.find_one(image, several="both")


def test_a_face_that_fills_the_picture_is_looked_for_with_a_margin(monkeypatch):
    looked_at = []

    def find(_, image):
        looked_at.append(image)
        found = [[18, 12, 82, 90], [95, 20, 110, 60]]  # the other in the margin alone
        return faces_of(*(found if len(looked_at) == 2 else []))

    monkeypatch.setattr(FaceFinder, "find", find)
    image = noise(60, 80)[0]
    face = FaceFinder(None, None, None).find_one(image)
    assert looked_at[1].shape == (90, 110, 3)
    np.testing.assert_array_equal(looked_at[1][15:75, 15:95], image)
    assert (looked_at[1][:15, 15:95] == image[0]).all()
    assert face.box_xyxy.tolist() == [3, 0, 67, 60] and not face.note
    expected = faces_of([18, 12, 82, 90]).landmarks[0] - 15
    np.testing.assert_allclose(face.landmarks, expected)


@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 1), (60, 80, 4)])
def test_grey_and_alpha_pictures_are_refused(shape, finder):
    with pytest.raises(ValueError, match=r"is grey|has transparency"):
        finder.find(np.zeros(shape, "uint8"))
    with pytest.raises(ValueError, match=r"^a\.png (is grey|has transparency)"):
        finder.find_one(np.zeros(shape, "uint8"), name="a.png")


@pytest.mark.parametrize(
    "settings",
    [{"min_size": 0}, {"factor": 1}, {"thresholds": (0.6, 0.7)}, {"max_side": 5}],
)
def test_settings_out_of_range_are_named(settings, folder):
    with pytest.raises(ValueError, match=f"`{next(iter(settings))}` must be"):
        FaceFinder(None, None, None, **settings)


# All together


def test_random_weights_find_no_face_and_do_not_crash(finder):
    image = noise(60, 50)[0]
    assert len(finder.find(image)) == 0
    assert finder.find(image).landmarks.shape == (0, 5, 2)
    with pytest.raises(ValueError, match="shows no face"):
        finder.find_one(image)
    tiny = finder.find(image[:11, :11])
    assert len(tiny) == 0 and tiny.boxes_xyxy.shape == (0, 4)


def test_three_networks_in_a_row_are_those_of_plain_numpy(finder):
    image = cv2.resize(noise(6, 5)[0], (40, 44), interpolation=cv2.INTER_CUBIC)
    settings = {"thresholds": (0.3, 0.3, 0.3)}
    networks = [PlainNetwork(number, random_arrays(number)) for number in FILES]
    expected = FaceFinder(*networks, **settings).find(image)
    networks = (finder.p_net, finder.r_net, finder.o_net)
    found = FaceFinder(*networks, **settings).find(image)
    assert len(found) == len(expected) > 1
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=0.01)
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=0.01)
    assert (np.diff(found.scores) <= 0).all()


# Real faces


@pytest.fixture(scope="module")
def real():
    if "DLAI_DATA" not in os.environ:
        pytest.skip("DLAI_DATA is not set")
    root = Path(os.environ["DLAI_DATA"])
    return root, load_mtcnn(root)


@pytest.mark.parametrize("name", LFW)
def test_the_face_of_a_photograph_is_found_upright_and_mirrored(name, real):
    root, finder = real
    image = images.read(root / "face_recognition" / "lfw" / name)
    faces = finder.find(image)
    face = finder.find_one(image, name=name)
    # LFW has its faces in the middle, about 100 of 250 pixels.
    left, top, right, bottom = face.box_xyxy
    assert face.score > 0.99
    assert 60 < right - left < 140 and 75 < bottom - top < 160
    assert left < 125 < right and top < 125 < bottom
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left < left_eye[0] < right_eye[0] < right
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert left_mouth[0] < right_mouth[0] < right
    mirrored = finder.find(np.ascontiguousarray(image[:, ::-1]))
    assert len(mirrored) == len(faces)
    points = [250, 0] + [-1, 1] * mirrored.landmarks[0][[1, 0, 2, 4, 3]]
    assert np.abs(points - faces.landmarks[0]).max() < 5
    crop = align_face(image, face.landmarks)
    again = finder.find_one(cv2.resize(crop, (192, 224)))
    assert np.abs(again.landmarks / 2 - template_points()).max() < 8


def test_two_people_side_by_side_are_two_and_noise_is_none(real):
    root, finder = real
    one, other = (images.read(root / "face_recognition/lfw" / name) for name in LFW[:2])
    both = np.concatenate([one, other], axis=1)
    faces = finder.find(both)
    assert sorted(faces.boxes_xyxy[:, 0] > 250) == [False, True]
    alone = np.stack([finder.find_one(image).landmarks for image in (one, other)])
    alone[1] += [250, 0]
    order = np.argsort(faces.boxes_xyxy[:, 0])
    assert np.abs(faces.landmarks[order] - alone).max() < 3
    with pytest.raises(ValueError, match="shows 2 faces of like size"):
        finder.find_one(both, several="error")
    with pytest.raises(ValueError, match="shows no face"):
        finder.find_one(noise(90, 120)[0])
