"""Boxes from COCO, Pascal VOC and YOLO files, and back."""

import json
import os
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from dlai_keras import images as image_file
from dlai_keras.car_detection import data
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages, Detections


def picture(height=40, width=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (height, width, 3), dtype="uint8")


@pytest.fixture
def coco(tmp_path):
    """Two pictures, one of them without an object; COCO's numbers have gaps."""
    for name, shape in (("a.png", (40, 60)), ("b.png", (30, 20))):
        image_file.write(tmp_path / "images" / name, picture(*shape))
    content = {
        "images": [
            {"id": 9, "file_name": "a.png", "width": 60, "height": 40},
            {"id": 4, "file_name": "b.png", "width": 20, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 18, "bbox": [10.5, 5, 20, 30]},
            {
                "id": 2,
                "image_id": 9,
                "category_id": 3,
                "bbox": [50, 30, 15, 12.5],
                "area": 77.5,
                "iscrowd": 1,
            },
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return tmp_path / "instances.json"


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


VOC = """<annotation>
  <filename>a.png</filename>
  <size><width>60</width><height>40</height><depth>3</depth></size>
  <object>
    <name>dog</name><difficult>0</difficult>
    <bndbox><xmin>11</xmin><ymin>6</ymin><xmax>30</xmax><ymax>35</ymax></bndbox>
  </object>
  <object>
    <name>car</name><difficult>1</difficult>
    <bndbox><xmin>51</xmin><ymin>31</ymin><xmax>60</xmax><ymax>40</ymax></bndbox>
  </object>
</annotation>
"""


@pytest.fixture
def voc(tmp_path):
    """One picture with two objects, and one with none."""
    image_file.write(tmp_path / "images" / "a.png", picture())
    image_file.write(tmp_path / "images" / "b.png", picture(30, 20))
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.xml").write_text(VOC)
    empty = VOC[: VOC.index("<object>")].replace("a.png", "b.png")
    empty = empty.replace("60", "20").replace("40", "30") + "</annotation>"
    (tmp_path / "annotations" / "b.xml").write_text(empty)
    return tmp_path


@pytest.fixture
def yolo(tmp_path):
    """One picture with two objects, an empty file, and a picture without a file."""
    for name in "abc":
        image_file.write(tmp_path / "images" / f"{name}.png", picture())
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(
        "1 0.5 0.5 0.5 0.25\n\n0 0.95 0.9 0.2 0.2\n"
    )
    (tmp_path / "labels" / "b.txt").touch()
    (tmp_path / "classes.txt").write_text("dog\ncar\n")
    return tmp_path


# The records


def test_a_record_has_its_types_and_knows_its_areas():
    one = AnnotatedImage([[1, 2, 4, 7]], [2.0], size=np.array([10, 20]))
    assert one.boxes_xyxy.dtype == "float32" and one.class_ids.dtype == "int32"
    assert one.areas.tolist() == [15] and one.ignored.tolist() == [False]
    assert one.size == (10, 20) and len(one) == 1
    empty = AnnotatedImage([], [], (10, 20))
    assert empty.boxes_xyxy.shape == (0, 4) and empty.areas.shape == (0,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"boxes_xyxy": [1, 2, 3, 4]}, r"the shape \(boxes, 4\)"),
        ({"boxes_xyxy": [[1, 2, 3]]}, r"Received: \(1, 3\)"),
        ({"boxes_xyxy": [[1, 2, np.nan, 4]]}, "finite"),
        ({"class_ids": [0, 1]}, "each of the 1 boxes. Received: 2"),
        ({"ignored": []}, "`ignored` must have one value"),
        ({"areas": [1, 2]}, "`areas` must have one value"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(values, message):
    defaults = {"boxes_xyxy": [[1, 2, 3, 4]], "class_ids": [0], "size": (9, 9)}
    with pytest.raises(ValueError, match=message):
        AnnotatedImage(**defaults | values)


def test_a_class_beyond_the_list_is_refused():
    one = AnnotatedImage([[1, 2, 3, 4]], [1], (9, 9), image_id=7)
    with pytest.raises(ValueError, match=r"picture 7: class ids .* 0 to 0.*: 1\."):
        AnnotatedImages([one], ["car"])
    with pytest.raises(ValueError, match="`category_ids`"):
        AnnotatedImages([], ["car"], (1, 2))


def test_a_picture_is_read_from_memory_or_its_file(tmp_path):
    image = picture()
    image_file.write(tmp_path / "a.png", image)
    on_disk = AnnotatedImage([], [], (40, 60), tmp_path / "a.png")
    np.testing.assert_array_equal(on_disk.read(), image)
    in_memory = AnnotatedImage([], [], (40, 60), image=image)
    np.testing.assert_array_equal(in_memory.read(), image)
    with pytest.raises(ValueError, match="nothing to read"):
        AnnotatedImage([], [], (40, 60)).read()
    image_file.write(tmp_path / "a.png", picture(8, 9))
    with pytest.raises(ValueError, match=r"must be 60 x 40 pixels.*: 9 x 8"):
        on_disk.read()


def test_detections_are_put_in_order_and_cut_off():
    boxes = np.arange(12).reshape(3, 4)
    found = Detections(boxes, [0.25, 0.75, 0.25], [0, 1, 2])
    assert found.class_ids.tolist() == [1, 0, 2]
    np.testing.assert_array_equal(found.boxes_xyxy, boxes[[1, 0, 2]])
    assert len(found.above(0.25)) == 3 and len(found.above(0.5)) == 1
    assert len(Detections([], [], [])) == 0
    with pytest.raises(ValueError, match="`scores` must be finite"):
        Detections(boxes[:1], [np.nan], [0])
    with pytest.raises(ValueError, match="`scores` must have one value"):
        Detections(boxes, [1, 2], [0, 0, 0])


# COCO


def test_cocos_files_are_read(coco):
    dataset = data.load_coco(coco)
    assert dataset.class_names == ["car", "dog"] and dataset.category_ids == (3, 18)
    first, second = dataset
    # The second box stuck out; its area is COCO's own.
    assert first.boxes_xyxy.tolist() == [[10.5, 5, 30.5, 35], [50, 30, 60, 40]]
    assert first.class_ids.tolist() == [1, 0]
    assert first.ignored.tolist() == [False, True]
    assert first.areas.tolist() == [600, 77.5]
    assert (first.size, first.image_id) == ((40, 60), 9)
    np.testing.assert_array_equal(first.read(), picture())
    assert len(second) == 0 and second.image_id == 4


def test_cocos_pictures_are_found_where_people_keep_them(coco):
    folder = coco.parent
    for place in (".", "val2017", "images/val2017"):
        new = folder / place
        new.mkdir(exist_ok=True, parents=True)
        old = data.load_coco(folder / "instances.json")[0].path.parent
        for name in ("a.png", "b.png"):
            (old / name).rename(new / name)
        (folder / "annotations").mkdir(exist_ok=True)
        content = (folder / "instances.json").read_text()
        moved = folder / "annotations" / "instances_val2017.json"
        moved.write_text(content)
        assert data.load_coco(moved)[0].path == new / "a.png"
        for name in ("a.png", "b.png"):
            (new / name).rename(old / name)
    (folder / "elsewhere").mkdir()
    for name in ("a.png", "b.png"):
        (old / name).rename(folder / "elsewhere" / name)
    with pytest.raises(FileNotFoundError, match=r"a\.png: there is no picture"):
        data.load_coco(coco)
    assert len(data.load_coco(coco, folder / "elsewhere")) == 2


def edit_annotation(**values):
    return lambda content: content["annotations"][0].update(values)


def edit_image(**values):
    return lambda content: content["images"][0].update(values)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.pop("categories"), "It holds: images, annotations"),
        (lambda c: c.update(annotations={}), "no COCO annotation"),
        (lambda c: c["images"][1].pop("width"), r"images\[1\] has no width"),
        (lambda c: c["images"].append(3), r"images\[2\] has no id, no file_name"),
        (edit_image(id=4), r"images\[1\] must have an id of its own"),
        (edit_image(width=61), "says 61 x 40 pixels.* of 60 x 40"),
        (edit_image(width=0), "whole numbers of pixels. Received: 0 x 40"),
        (edit_image(width="wide"), "the size must be a finite number"),
        (edit_image(file_name="c.png"), "there is no picture .*c.png"),
        (lambda c: c["annotations"].append([]), r"annotations\[2\] must have the"),
        (edit_annotation(image_id=1), r"annotations\[0\] must .* Received: 1\."),
        (edit_annotation(image_id=[1]), r"annotations\[0\] must .* Received: \[1\]"),
        (edit_annotation(category_id={}), r"\[0\] of a\.png: category_id .*: {}\."),
        (edit_image(file_name=3), r"there is no picture .*3\."),
        (edit_annotation(category_id=2), r"\[0\] of a\.png: category_id .*: 2\."),
        (edit_annotation(bbox=[1, 2, 3]), r"\[0\] of a\.png: bbox must be four"),
        (edit_annotation(bbox=[1, 2, 3, "4"]), "bbox must be four numbers"),
        (edit_annotation(bbox=None), "bbox must be four numbers.*'None'"),
        (edit_annotation(bbox=[1, 2, np.nan, 4]), r"\[0\] of a\.png: .* finite"),
        (edit_annotation(bbox=[1, 2, 0, 4]), "must have an area"),
        (edit_annotation(bbox=[9, 2, -3, 4]), "Received: x 9 to 6, y 2 to 6"),
        (edit_annotation(bbox=[60, 2, 3, 4]), "within its picture of 60 x 40"),
        (edit_annotation(bbox=[-3, 2, 3, 4]), "within its picture of 60 x 40"),
        (edit_annotation(area=np.nan), r"\[0\] of a\.png: area must be a number"),
        (edit_annotation(area="big"), "area must be a number. Received: 'big'"),
        (lambda c: c.update(images=[], annotations=[]), "lists no picture"),
    ],
)
def test_what_is_wrong_with_a_coco_file_is_said_with_its_place(coco, edit, message):
    change(coco, edit)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as raised:
        data.load_coco(coco)
    assert "instances.json" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON"),
        (b'{"images": [', "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[]", "It holds: a list, as results do"),
        (b"3", "It holds: '3'"),
        (b"{}", "It holds: nothing"),
    ],
)
def test_a_file_that_is_not_cocos_is_named(tmp_path, content, message):
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"some\.json .*{message}"):
        data.load_coco(path)


def test_a_broken_picture_is_fatal_or_left_out_by_name(coco):
    (coco.parent / "images" / "a.png").write_text("this is text")
    with pytest.raises(ValueError, match=r"a\.png is no picture"):
        data.load_coco(coco)
    told, seen = [], []
    dataset = data.load_coco(
        coco,
        on_error="skip",
        skipped=told.append,
        progress=lambda jobs: (seen.append(job) or job for job in jobs),
    )
    assert [image.image_id for image in dataset] == [4]
    assert len(told) == 1 and "a.png" in told[0] and seen == [9, 4]
    (coco.parent / "images" / "b.png").write_text("")
    with pytest.raises(ValueError, match=r"No picture can be read.*a\.png"):
        data.load_coco(coco, on_error="skip")
    with pytest.raises(ValueError, match="`on_error`"):
        data.load_coco(coco, on_error="ignore")


# Pascal VOC


def test_vocs_files_are_read_and_pixels_become_continuous(voc):
    dataset = data.load_voc(voc)
    assert dataset.class_names == ["car", "dog"]
    first, second = dataset
    # The pixels 11 to 30, counted from 1, are 20 pixels: from 10.0 to 30.0.
    assert first.boxes_xyxy.tolist() == [[10, 5, 30, 35], [50, 30, 60, 40]]
    assert first.class_ids.tolist() == [1, 0]
    assert first.ignored.tolist() == [False, True]
    np.testing.assert_array_equal(first.read(), picture())
    assert len(second) == 0 and second.size == (30, 20)
    chosen = data.load_voc(voc, ["dog", "cat", "car"])
    assert chosen[0].class_ids.tolist() == [0, 2]


def test_vocs_pictures_are_found_beside_or_by_the_files_own_name(voc):
    path = voc / "annotations" / "a.xml"
    path.write_text(VOC.replace("a.png", r"C:\pictures\a.png"))
    assert len(data.load_voc(voc)) == 2
    path.write_text(VOC.replace("a.png", "a.jpeg"))
    assert data.load_voc(voc)[0].path == voc / "images" / "a.png"
    (voc / "images").rename(voc / "JPEGImages")
    assert data.load_voc(voc)[0].path == voc / "JPEGImages" / "a.png"
    (voc / "JPEGImages" / "a.png").rename(voc / "annotations" / "a.png")
    assert data.load_voc(voc)[0].path == voc / "annotations" / "a.png"
    (voc / "annotations" / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.xml: there is no picture a\.jpeg"):
        data.load_voc(voc)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (VOC, "", r"a\.xml is empty, which is no xml"),
        (VOC, "not xml", r"a\.xml is no xml that can be read"),
        ("</annotation>", "", r"a\.xml is no xml that can be read"),
        (VOC, "<html></html>", r"expected <annotation>. Received: <html>"),
        ("<width>60</width>", "", r"a\.xml: there is no width and height"),
        ("<width>60</width>", "<width/>", r"a\.xml: the size must be"),
        ("<width>60", "<width>61", r"a\.xml: the annotation says 61 x 40 pixels"),
        ("<xmin>11", "<xmin>nan", r"object 1 \(dog\): xmin must be a finite number"),
        ("<xmin>51</xmin>", "", r"object 2 \(car\): xmin must be .* Received: None"),
        ("<xmin>11", "<xmin>31", r"object 1 \(dog\): .* smaller corner first"),
        ("<xmin>51", "<xmin>61", r"object 2 \(car\): .*"),
        ("<name>car</name>", "", r"object 2 \(without a name\): the class must be"),
    ],
)
def test_what_is_wrong_with_an_xml_file_is_said_with_its_object(voc, old, new, message):
    path = voc / "annotations" / "a.xml"
    assert old in VOC
    path.write_text(VOC.replace(old, new))
    with pytest.raises(ValueError, match=message) as raised:
        data.load_voc(voc)
    assert "\n" not in str(raised.value)
    told = []
    dataset = data.load_voc(voc, on_error="skip", skipped=told.append)
    assert [image.path.name for image in dataset] == ["b.png"]
    assert told == [str(raised.value)]


def test_a_class_that_is_not_on_the_list_is_named(voc):
    with pytest.raises(ValueError, match=r"object 2 \(car\): .* one of dog, cat"):
        data.load_voc(voc, ["dog", "cat"])


# YOLO


def test_yolos_files_are_read(yolo):
    dataset = data.load_yolo(yolo)
    assert dataset.class_names == ["dog", "car"]
    first, second, third = dataset
    # The last one stuck out on the right.
    np.testing.assert_allclose(
        first.boxes_xyxy, [[15, 15, 45, 25], [51, 32, 60, 40]], atol=1e-5
    )
    assert first.class_ids.tolist() == [1, 0] and first.size == (40, 60)
    assert len(second) == len(third) == 0
    assert data.load_yolo(yolo, ["x", "y", "z"]).class_names == ["x", "y", "z"]


def test_yolos_files_may_lie_beside_their_pictures(yolo):
    for name in "ab":
        (yolo / "labels" / f"{name}.txt").rename(yolo / "images" / f"{name}.txt")
    (yolo / "labels").rmdir()
    assert [len(image) for image in data.load_yolo(yolo)] == [2, 0, 0]
    assert data.load_yolo(yolo / "images").class_names == ["dog", "car"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("coco.names", "dog\n\ncar\n"),
        ("data.yaml", "train: x\nnames: ['dog', \"car\"]  # two\nnc: 2\n"),
        ("data.yaml", "names: [dog, car]\n"),
        ("data.yaml", "names: {0: 'dog', 1: 'car'}\n"),
        ("data.yaml", "names:\n- dog\n- 'car'\n\nnc: 2\n"),
        ("data.yml", "names:\n  # animals\n  0: dog\n  1: car  # not one\ntrain: x\n"),
    ],
)
def test_yolos_class_names_are_found_in_the_usual_files(yolo, file, content):
    (yolo / "classes.txt").unlink()
    assert data.load_yolo(yolo).class_names == ["0", "1"]
    (yolo / file).write_text(content)
    assert data.load_yolo(yolo).class_names == ["dog", "car"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.1", "expected five numbers"),
        ("0 0.5 0.5 0.1 0.1 0.9", "expected five numbers"),
        ("dog 0.5 0.5 0.1 0.1", "must be a finite number. Received: 'dog'"),
        ("0 nan 0.5 0.1 0.1", "must be a finite number. Received: 'nan'"),
        ("0.5 0.5 0.5 0.1 0.1", "a class must be a whole number"),
        ("-1 0.5 0.5 0.1 0.1", "a class must be a whole number from 0"),
        ("2 0.5 0.5 0.1 0.1", "class ids must be from 0 to 1.*Received: 2"),
        ("0 0.5 0.5 0 0.1", "must have an area"),
        ("0 0.5 0.5 0.1 -0.1", "smaller corner first"),
        ("0 30 20 6 4", "within its picture of 60 x 40 pixels"),
    ],
)
def test_what_is_wrong_with_a_txt_file_is_said_with_its_line(yolo, line, message):
    (yolo / "labels" / "b.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(ValueError, match=rf"b\.txt, line 2.*{message}") as raised:
        data.load_yolo(yolo)
    assert "\n" not in str(raised.value)
    told = []
    dataset = data.load_yolo(yolo, on_error="skip", skipped=told.append)
    assert [image.path.stem for image in dataset] == ["a", "c"]
    assert told == [str(raised.value)]


def test_a_txt_file_that_is_no_text_is_named(yolo):
    (yolo / "labels" / "b.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match=r"b\.txt is no text"):
        data.load_yolo(yolo)


# Pictures that lie on their side


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_where_the_things_are_however_the_camera_was_held(
    tmp_path, orientation
):
    stored = np.zeros((40, 64, 3), "uint8")
    stored[8:16, 40:56] = 255
    exif = Image.Exif()
    exif[data.ORIENTATION] = orientation
    path = tmp_path / "a.jpg"
    Image.fromarray(stored).save(path, exif=exif, quality=95)
    seen = image_file.read(path)[..., 0] > 128
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]

    def load(width, height, box):
        xml = VOC[: VOC.index("<size>")].replace("a.png", "a.jpg")
        xml += f"<size><width>{width}</width><height>{height}</height></size>"
        corners = "".join(
            f"<{key}>{value}</{key}>"
            for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        )
        thing = f"<object><name>car</name><bndbox>{corners}</bndbox></object>"
        (tmp_path / "a.xml").write_text(f"{xml}{thing}</annotation>")
        return data.load_voc(tmp_path)[0]

    height, width = seen.shape
    box = [expected[0] + 1, expected[1] + 1, *expected[2:]]
    upright = load(width, height, box)
    assert upright.boxes_xyxy.tolist() == [expected]
    assert upright.read().shape == (*upright.size, 3)
    if orientation > 4:  # drawn on the picture as it is stored
        turned = load(64, 40, [41, 9, 56, 16])
        assert turned.boxes_xyxy.tolist() == [expected]
        assert turned.size == (64, 40)
    (tmp_path / "a.xml").unlink()
    scale = np.array([width, height])
    low, high = np.array(expected[:2]) / scale, np.array(expected[2:]) / scale
    numbers = " ".join(map(str, [*(low + high) / 2, *(high - low)]))
    (tmp_path / "a.txt").write_text(f"0 {numbers}")
    np.testing.assert_allclose(
        data.load_yolo(tmp_path)[0].boxes_xyxy, [expected], atol=1e-4
    )


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_a_picture_that_is_cut_off_is_left_out(tmp_path, suffix, share):
    for name in "ab":
        path = tmp_path / f"{name}.{suffix}"
        image_file.write(path, picture())
        (tmp_path / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5")
    os.truncate(path, int(share * path.stat().st_size))
    told = []
    dataset = data.load_yolo(tmp_path, on_error="skip", skipped=told.append)
    assert [image.path.stem for image in dataset] == ["a"]
    assert len(told) == 1 and f"b.{suffix} is no picture" in told[0]


# Whichever it is


def test_the_format_is_found_out(coco, tmp_path_factory):
    assert len(data.load_boxes(coco)) == 2
    assert len(data.load_boxes(coco.parent)) == 2
    outer = tmp_path_factory.mktemp("data")
    (outer / "car_detection").mkdir()
    (outer / "car_detection" / "pets").symlink_to(coco.parent)
    assert data.load_boxes(outer).class_names == ["car", "dog"]


def test_xml_and_txt_files_are_found_out(voc, tmp_path_factory):
    assert data.load_boxes(voc)[0].ignored.tolist() == [False, True]
    outer = tmp_path_factory.mktemp("yolo")
    data.write_yolo(data.load_voc(voc), outer)
    assert data.load_boxes(outer).class_names == ["car", "dog"]
    for split in ("train", "val"):  # as Ultralytics lays them out
        for kind in ("images", "labels"):
            (outer / "sets" / kind).mkdir(parents=True, exist_ok=True)
            (outer / "sets" / kind / split).symlink_to(outer / kind)
    found = data.load_boxes(outer / "sets", dataset="val")
    assert len(found) == 2 and len(found[0]) == 1


def test_of_several_sets_one_is_chosen(coco):
    folder = coco.parent
    (folder / "captions.json").write_text("{}")
    with pytest.raises(ValueError, match="several datasets: captions, instances"):
        data.load_boxes(folder)
    assert len(data.load_boxes(folder, dataset="instances")) == 2
    with pytest.raises(ValueError, match="no dataset 'dogs'"):
        data.load_boxes(folder, dataset="dogs")


def test_what_is_not_there_is_said_with_the_layout(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file or folder.*COCO json"):
        data.load_boxes(tmp_path / "missing")
    image_file.write(tmp_path / "a.png", picture())
    for load, kind in (
        (data.load_boxes, "pictures with boxes"),
        (data.load_voc, "xml file"),
        (data.load_yolo, "pictures with txt files"),
    ):
        with pytest.raises(FileNotFoundError, match=f"No {kind} in .*COCO json"):
            load(tmp_path)
    with pytest.raises(ValueError, match="Received the file"):
        data.load_boxes(tmp_path / "a.png")


def test_a_split_is_by_picture_and_by_seed():
    images = [AnnotatedImage([], [], (8, 8), image_id=n) for n in range(50)]
    dataset = AnnotatedImages(images, ["car"], (3,))
    training, held = data.split_images(dataset, 0.2, seed=1)
    numbers = [[image.image_id for image in part] for part in (training, held)]
    assert len(numbers[1]) == 10 and sorted([*numbers[0], *numbers[1]]) == list(
        range(50)
    )
    assert all(part == sorted(part) for part in numbers)
    again, other = (data.split_images(dataset, 0.2, seed=seed)[1] for seed in (1, 2))
    assert [image.image_id for image in again] == numbers[1]
    assert [image.image_id for image in other] != numbers[1]
    assert training.category_ids == (3,)
    assert len(data.split_images(dataset, 0, seed=1)[1]) == 0
    with pytest.raises(ValueError, match="`share`"):
        data.split_images(dataset, 1.5, seed=1)


# Writing


def random_dataset(num=5, seed=0):
    """Boxes of any fraction within pictures in memory."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(num):
        height, width = (int(value) for value in rng.integers(30, 90, 2))
        low = rng.uniform(0, 0.5, (number, 2)).astype("float32") * (width, height)
        size = rng.uniform(0.1, 0.5, (number, 2)) * (width, height)
        images.append(
            AnnotatedImage(
                np.concatenate([low, low + size], axis=1),
                rng.integers(0, 3, number),
                (height, width),
                image=picture(height, width, number),
                ignored=rng.random(number) < 0.3,
                image_id=100 - number,
            )
        )
    return AnnotatedImages(images, ["car", "bus", "dog"], (3, 6, 18))


def assert_same(found, expected, *, ignored=True):
    assert found.class_names == expected.class_names
    for one, other in zip(found.images, expected.images, strict=True):
        kept = slice(None) if ignored else ~other.ignored
        np.testing.assert_array_equal(one.boxes_xyxy, other.boxes_xyxy[kept])
        np.testing.assert_array_equal(one.class_ids, other.class_ids[kept])
        np.testing.assert_array_equal(one.ignored, other.ignored[kept])
        np.testing.assert_array_equal(one.read(), other.read())


def test_what_is_written_as_coco_is_read_the_same(tmp_path):
    dataset = random_dataset()
    data.write_coco(dataset, tmp_path / "set" / "boxes.json")
    found = data.load_boxes(tmp_path / "set")
    assert_same(found, dataset)
    assert found.category_ids == dataset.category_ids
    for one, other in zip(found.images, dataset.images, strict=True):
        assert one.image_id == other.image_id
        np.testing.assert_array_equal(one.areas, other.areas)
    # A file in another folder names the same pictures.
    data.write_coco(found, tmp_path / "other" / "boxes.json")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["boxes.json"]
    assert_same(data.load_coco(tmp_path / "other" / "boxes.json"), dataset)


def test_what_is_written_as_voc_is_read_the_same(tmp_path):
    dataset = random_dataset()
    data.write_voc(dataset, tmp_path)
    assert_same(data.load_voc(tmp_path, dataset.class_names), dataset)
    text = (tmp_path / "annotations" / "000002.xml").read_text()
    width = int(ET.fromstring(text).findtext("size/width"))
    assert width == dataset[1].size[1]


def test_what_is_written_as_yolo_is_read_the_same(tmp_path):
    dataset = random_dataset()
    data.write_yolo(dataset, tmp_path)
    assert_same(data.load_yolo(tmp_path), dataset, ignored=False)


def test_files_are_copied_under_their_names_or_numbered(voc, tmp_path_factory):
    dataset = data.load_voc(voc)
    folder = tmp_path_factory.mktemp("copy")
    data.write_voc(dataset, folder)
    assert sorted(path.name for path in (folder / "images").iterdir()) == [
        "a.png",
        "b.png",
    ]
    assert_same(data.load_voc(folder), dataset)
    twice = AnnotatedImages([*dataset.images, *dataset.images], dataset.class_names)
    data.write_yolo(twice, folder / "twice")
    assert len(data.load_yolo(folder / "twice")) == 4


def test_pictures_without_numbers_get_them_and_no_number_stands_twice(tmp_path):
    images = [AnnotatedImage([], [], (8, 8), image=picture(8, 8)) for _ in range(2)]
    assert data.image_ids(AnnotatedImages(images, [])) == [1, 2]
    for numbers, message in (((5, 5), "5 twice"), ((5, None), "None beside numbers")):
        images = [AnnotatedImage([], [], (8, 8), image_id=one) for one in numbers]
        with pytest.raises(ValueError, match=message):
            data.write_coco(AnnotatedImages(images, []), tmp_path / "boxes.json")


def test_detections_become_cocos_results():
    dataset = random_dataset(2)
    found = [
        Detections([[1, 2, 4, 8], [0, 0, 2, 2]], [0.25, 0.5], [2, 0]),
        Detections([], [], []),
    ]
    results = data.detections_to_coco(found, dataset)
    assert json.loads(json.dumps(results)) == [
        {"image_id": 100, "category_id": 3, "bbox": [0, 0, 2, 2], "score": 0.5},
        {"image_id": 100, "category_id": 18, "bbox": [1, 2, 3, 6], "score": 0.25},
    ]
    with pytest.raises(ValueError, match="Received: 1 for 2 pictures"):
        data.detections_to_coco(found[:1], dataset)
    with pytest.raises(ValueError, match="The detections on picture 99: class ids"):
        data.detections_to_coco(
            [found[1], Detections([[0, 0, 1, 1]], [1], [3])], dataset
        )


# Real files


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_real_sets_are_read_and_survive_the_other_formats(tmp_path):
    with pytest.raises(ValueError, match=r"several datasets: .*coco128.*raccoon"):
        data.load_boxes(os.environ["DLAI_DATA"])
    coco = data.load_boxes(os.environ["DLAI_DATA"], dataset="coco128")
    assert (len(coco), len(coco.class_names)) == (64, 80)
    assert sum(map(len, coco.images)) == 430
    assert sum(image.ignored.sum() for image in coco) == 7
    assert coco.class_names[:3] == ["person", "bicycle", "car"]
    assert coco.category_ids[-1] == 90
    raccoon = data.load_boxes(os.environ["DLAI_DATA"], dataset="raccoon")
    assert (len(raccoon), raccoon.class_names) == (100, ["raccoon"])
    assert raccoon[0].boxes_xyxy.tolist() == [[80, 87, 522, 408]]
    few = raccoon.subset(range(3))
    data.write_yolo(few, tmp_path)
    assert_same(data.load_yolo(tmp_path), few)
