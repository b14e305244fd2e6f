"""The definition of the architecture: names, places and the direction of imports.

- An assignment has one name, which stands in five places.
- Its modules have names from a closed list, plus a few nouns of its own.
- Imports go one way: `data` and the nouns, then `layers` and `losses`, then `model`.
  Assignments do not know of each other; what two of them need is a root concept.
- Only the indexes `layers`, `losses` and `metrics` know every assignment.
- The scripts, tests and benchmarks import the package, and nobody imports them; only
  a test may load the script that it tests.
- What makes or reads data never waits for Keras.
"""

import ast
import functools
import graphlib
import importlib
import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dlai_keras"
ASSIGNMENTS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

INDEXES = {"layers", "losses", "metrics"}
SHARED_BY_TESTS = {
    "contract",  # what every layer and loss keeps
    "scripted",  # scripts, run within a test
}
ROOT_CONCEPTS = {
    "audio",  # sound files of any kind
    "boxes",  # intersection over union, non-maximum suppression
    "charts",  # what every training and every classifier draws
    "command_line",  # what every script shares
    "conversion",  # dense layers become convolutions
    "decoding",  # beam search and sampling
    "downloads",  # files from the web, with a checksum and a cache
    "embeddings",  # vector files, spellings, points on a map
    "files",  # whole whenever they exist
    "images",  # picture files
    "intervals",  # confidence intervals
    "networks",  # on disk, with what belongs to them
    "optimizers",  # Muon for networks of convolutions
    "processes",  # ordered results from worker processes
    "recurrent",  # the RNN, LSTM and GRU in NumPy
    "rendering",  # drawing of synthetic scenes
    "video",  # files and cameras, frame by frame
    "vocabulary",  # characters and words as whole numbers
}
# Inside an assignment a module imports from its own level or one below. The nouns of
# DOMAIN are on level 0, but for those that use a model.
LEVELS = {
    "data": 0,
    "metrics": 0,
    "batches": 1,
    "layers": 1,
    "losses": 1,
    "model": 2,
    "course": 2,
}
USES_MODELS = {"translator": 3, "sentence_translator": 3}
USES_MODELS |= {"classifier": 2, "darknet": 2, "detector": 3, "windows": 3}
USES_MODELS |= {"checkpoints": 2, "mtcnn": 3, "recognizer": 3}
USES_MODELS |= {"extractors": 2, "transfer": 3, "stylizer": 3}
USES_MODELS |= {"writer": 3, "improviser": 3, "trainer": 3, "reader": 3}
MAY_IMPORT_KERAS = {"batches", "layers", "losses", "metrics", "model", "course"}
MAY_IMPORT_KERAS |= {"explanation", *USES_MODELS}
MAY_IMPORT_KERAS |= {"complexity", "model_gradients", "training", "trials"}
DOMAIN = {
    "car_detection": {
        "anchors",  # sizes that boxes are measured from
        "augmentation",  # pictures and their boxes together
        "darknet",  # networks that Darknet describes and trained
        "darknet_cfg",  # the files that describe them
        "detector",  # a trained network with its class names
        "pictures",  # boxes on pictures, precision against recall
        "scenes",  # drawing streets with what is on them
        "street",  # the road, the light and what stands beside it
        "vehicles",  # solids that are drawn as cars and lorries
        "windows",  # one pass instead of many crops
    },
    "classic_convnets": {
        "augmentation",  # of the course and of AlexNet
        "classifier",  # trained networks with what belongs to them
        "codes",  # what LeNet-5 compares its last hidden layer with
        "complexity",  # shapes, parameters and multiply-adds of a model
        "faces",  # drawing faces with landmarks and attributes
        "objects",  # drawing things of several classes
        "pictures",  # sheets of pictures with what was made of them
    },
    "date_translation": {
        "formats",  # how dates are written, and how a text is read
        "negatives",  # texts that are no dates
        "pictures",  # attention maps, mistakes by kind
        "sentence_translator",  # a trained network with its two vocabularies
        "sentences",  # pairs of sentences in two languages
        "translator",  # a trained network with its vocabularies
        "typos",  # mistakes that leave a date readable
    },
    "dinosaur_names": {
        "ngram",  # counts with Kneser and Ney's smoothing
        "pictures",  # learning curves, bits per character
        "writer",  # a trained network with its characters
    },
    "emojify": {
        "drawings",  # emoji that need no font
        "lookup",  # from words to vectors, words without one included
        "pictures",  # which emoji was taken for which, and why
        "reader",  # a trained network with its emoji and vectors
    },
    "face_recognition": {
        "alignment",  # five points on a face to where a network wants them
        "checkpoints",  # weights that others trained
        "faces",  # drawing people who can be told apart
        "gallery",  # a database of people in one file
        "mtcnn",  # where the faces of a picture are
        "pictures",  # curves, worst pairs, maps of people, faces
        "recognizer",  # a trained network with its threshold
    },
    "foundations": {
        "convolution",  # forward and backward, and pooling
        "deep_network",  # any number of layers
        "draws",  # drawn numbers, from whichever generator there is
        "gradient_checking",  # backward passes beside central differences
        "initialization",  # where to start from
        "logistic_regression",  # one neuron
        "model_gradients",  # the same check for any Keras model
        "normalization",  # of inputs and of layers
        "optimization",  # mini-batches, momentum, RMSprop, Adam
        "pictures",  # boundaries, cost curves, optimisers on one surface
        "planar_network",  # one hidden layer
        "recurrent",  # the root concept under the assignment's name
        "regularization",  # L2 and dropout
        "remembering",  # what a recurrent network must keep in mind
        "schedules",  # learning rates, averages, early stopping
        "softmax",  # one of several classes
        "trials",  # a training for every choice of hyperparameters
    },
    "jazz_improvisation": {
        "chords",  # symbols, their tones and scales
        "improvisation",  # notes that fit the chords
        "improviser",  # a trained network with the values it plays
        "midi",  # files in and out
        "notation",  # tunes as compact text
        "pictures",  # the piano roll
        "synthesis",  # instruments
        "transcription",  # notes as values with a chord, and back
    },
    "signs": {
        "classifier",  # a trained network with its class names
        "explanation",  # where a network looks
        "hands",  # drawing hands that show a number
        "pictures",  # sheets of pictures with what was made of them
    },
    "strategy": {
        "diagnosis",  # bias, variance, mismatch, and what to do next
        "digits",  # pictures whose dev set comes from another camera
        "error_analysis",  # what fixing each kind of mistake is worth
        "learning_curves",  # whether more data would help
        "page",  # mistakes to be browsed
        "pictures",  # what a person wants to see of it
        "selection",  # one metric to optimise, others to satisfy
        "splits",  # how many examples, and from where
        "training",  # learning curves of a Keras model
    },
    "style_transfer": {
        "extractors",  # networks whose features tell content and style
        "paintings",  # drawing pictures in the manner of paintings
        "pictures",  # colours kept or matched, regions, sheets, animations
        "scenes",  # drawing landscapes and towns
        "stylizer",  # a trained network that paints in one pass
        "transfer",  # a picture that is painted by its gradient
    },
    "trigger_word": {
        "annotations",  # what is heard where: JSON lines, Audacity, JAMS
        "dataset",  # generating datasets on disk, and resuming
        "detection",  # from probabilities to times
        "embedded",  # the clips that ship with the package
        "espeak",  # the synthesiser's library
        "evaluation",  # held-out words in a stream of sound
        "features",  # spectrogram and log-mel
        "negatives",  # words and sounds that must not fire
        "pictures",  # what a person wants to see of a scene or a detection
        "speech",  # words spoken in many voices
        "stream",  # endless fresh scenes
        "synthesis",  # plan, render, label
        "tfrecord",  # record files without TensorFlow
    },
    "word_vectors": {
        "analogies",  # neighbours and analogies, many at once
        "corpus",  # text as whole numbers, and counts
        "debiasing",  # a bias, taken out and measured
        "pictures",  # maps of words, a bias before and after
        "trainer",  # vectors from a text
    },
}

# In tests/, beside the assignments.
SUPPORT = {
    "data",  # stored arrays of TensorFlow Addons
    "parity",  # the same comparison with TensorFlow Addons itself
}

# Where an assignment has no such file, and why. No stubs.
PLACES = ("dlai_keras", "assignments", "data_scripts", "tests", "benchmarks")
ABSENT: dict[tuple[str, str], str] = {
    ("data_scripts", "strategy"): "its figures come from a training, not from files",
    ("benchmarks", "strategy"): "tables of a few rows; nothing in it takes time",
}
# Modules without a test file of their own name, and why.
TESTED_ELSEWHERE = {
    "dlai_keras/layers.py": "an index; checked here",
    "dlai_keras/losses.py": "an index; checked here",
    "dlai_keras/metrics.py": "an index; checked here",
}

FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}
# These import Keras where they are asked for it, within functions.
LAZY = {"dlai_keras.boxes", "dlai_keras.command_line"}
LEAVES = {"assignments", "data_scripts", "tests", "benchmarks"}

SOURCES = sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in SOURCES
    if path.is_relative_to(PACKAGE)
}
SCRIPTS = [
    path
    for path in SOURCES
    if path.parent.name in {"assignments", "data_scripts", "benchmarks"}
]
each_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)
each_index = pytest.mark.parametrize("index", sorted(INDEXES))


def relative(path):
    return path.relative_to(ROOT).as_posix()


each_source = pytest.mark.parametrize("path", SOURCES, ids=relative)
each_module = pytest.mark.parametrize("path", MODULES.values(), ids=relative)


@functools.cache
def imports(path):
    """Full names of the modules that a file imports, within functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = names & set(MODULES)
            found.update(modules)
            if modules != names:
                found.add(node.module)
    return frozenset(found)


def imported_packages(path):
    return {module.partition(".")[0] for module in imports(path)}


@functools.cache
def reached(module):
    """Modules of the package that are imported with `module`, itself included."""
    found = {module}
    for name in imports(MODULES[module]) & set(MODULES):
        found |= reached(name)
    return frozenset(found)


def kind_of(module):
    return module.rpartition(".")[2]


def modules_of(assignment):
    return [name for name in MODULES if name.startswith(f"dlai_keras.{assignment}.")]


def keras_free_modules(assignment):
    return [m for m in modules_of(assignment) if kind_of(m) not in MAY_IMPORT_KERAS]


def run_python(code):
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


# Names


@pytest.mark.parametrize("place", PLACES)
def test_the_same_assignments_stand_in_all_places(place):
    if place in {"dlai_keras", "tests"}:
        found = {
            path.name
            for path in (ROOT / place).iterdir()
            if path.is_dir() and path.name not in {"__pycache__", *SUPPORT}
        }
    else:
        found = {path.stem for path in (ROOT / place).glob("*.py")}
    absent = {name for where, name in ABSENT if where == place}
    assert found == set(ASSIGNMENTS) - absent


def test_what_is_absent_is_an_assignment_and_says_why():
    for (place, assignment), reason in ABSENT.items():
        assert place in PLACES[1:]
        assert assignment in ASSIGNMENTS
        assert len(reason.split()) > 2


def test_modules_have_names_from_the_closed_list():
    assert set(DOMAIN) <= set(ASSIGNMENTS)
    for assignment in ASSIGNMENTS:
        found = {kind_of(module) for module in modules_of(assignment)}
        domain = DOMAIN.get(assignment, set())
        assert found <= domain | set(LEVELS), assignment
        assert domain <= found, "DOMAIN lists what is not there"
    found = {path.stem for path in PACKAGE.glob("*.py")}
    assert found <= INDEXES | ROOT_CONCEPTS | {"__init__"}


@each_module
def test_every_module_has_its_test(path):
    where = path.relative_to(PACKAGE)
    test = ROOT / "tests" / where.parent / f"test_{where.name}"
    if path.name == "__init__.py" or relative(path) in TESTED_ELSEWHERE:
        assert not test.exists(), "it has a test: take it out of TESTED_ELSEWHERE"
    else:
        assert test.exists(), f"{relative(test)} is missing"


# Imports


def test_imports_have_no_cycle():
    graph = {module: imports(path) & set(MODULES) for module, path in MODULES.items()}
    for module, imported in graph.items():
        assert module not in imported, f"{module} imports itself"
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, with the cycle


@each_module
def test_assignments_never_import_each_other(path):
    where = path.relative_to(PACKAGE)
    owner = where.parts[0] if len(where.parts) > 1 else None
    others = set() if owner is None and path.stem in INDEXES else {*ASSIGNMENTS}
    for module in imports(path):
        package, _, rest = module.partition(".")
        if package == "dlai_keras":
            assert rest.partition(".")[0] not in others - {owner}


@each_assignment
def test_imports_inside_an_assignment_go_one_way(assignment):
    levels = LEVELS | dict.fromkeys(DOMAIN.get(assignment, ()), 0) | USES_MODELS
    modules = modules_of(assignment)
    for module in modules:
        for imported in imports(MODULES[module]) & set(modules):
            own, other = kind_of(module), kind_of(imported)
            assert levels[other] <= levels[own], f"{own} imports {other}"


@each_assignment
def test_assignments_do_not_import_the_indexes(assignment):
    for module in modules_of(assignment):
        used = imports(MODULES[module])
        assert not used & {f"dlai_keras.{index}" for index in INDEXES}, module


@each_source
def test_nobody_but_a_test_imports_scripts_tests_and_benchmarks(path):
    tests = {"tests", *(file.stem for file in (ROOT / "tests").glob("*.py"))}
    if path.is_relative_to(ROOT / "tests"):
        forbidden = tests - SHARED_BY_TESTS
    else:
        forbidden = tests | LEAVES
    assert not imported_packages(path) & forbidden


@each_source
def test_there_are_no_star_imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [alias for node in nodes for alias in node.names if alias.name == "*"]


@each_assignment
def test_what_makes_data_reaches_no_framework(assignment):
    for module in keras_free_modules(assignment):
        for name in reached(module) - LAZY:
            used = imported_packages(MODULES[name]) & FRAMEWORKS
            assert not used, f"{module} imports {name}, which imports {used}"


@each_assignment
def test_importing_what_makes_data_loads_no_framework(assignment):
    names = ", ".join(keras_free_modules(assignment))
    loaded = run_python(f"import sys, {names}; print(*sys.modules)").split()
    assert set(keras_free_modules(assignment)) <= set(loaded)
    assert not (FRAMEWORKS | {"librosa", "matplotlib"}) & set(loaded)


def test_importing_the_package_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import dlai_keras; "
    code += "print(*(set(sys.modules) - before))"
    assert run_python(code).split() == ["dlai_keras"]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=relative)
def test_packages_hold_a_docstring_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    rest = [ast.unparse(node).partition(" =")[0] for node in tree.body[1:]]
    assert rest == (["__version__"] if path.parent == PACKAGE else [])


# What is public


@each_index
def test_indexes_hold_every_public_class(index):
    public = importlib.import_module(f"dlai_keras.{index}")
    assert public.__doc__
    assert public.__all__ == sorted(public.__all__)
    modules = [
        importlib.import_module(f"dlai_keras.{assignment}.{index}")
        for assignment in ASSIGNMENTS
        if f"dlai_keras.{assignment}.{index}" in MODULES
    ]
    homes = {module.__name__ for module in modules}
    for name in public.__all__:
        assert getattr(public, name).__module__ in homes
    classes = {
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and is_keras_class(value)
        and not name.startswith("_")
    }
    assert classes <= set(public.__all__)


def is_keras_class(value):
    import keras

    kinds = (keras.layers.Layer, keras.losses.Loss, keras.metrics.Metric)
    return issubclass(value, kinds)


@each_index
def test_public_classes_are_registered_and_documented(index):
    import keras

    public = importlib.import_module(f"dlai_keras.{index}")
    for name in public.__all__:
        value = getattr(public, name)
        text = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
        assert text, f"{name} has no docstring of its own"
        if not (inspect.isclass(value) and is_keras_class(value)):
            continue
        assert keras.saving.get_registered_name(value) == f"dlai_keras>{name}"
        sections = ["Example:"]
        sections += ["Input shape:", "Output shape:"] * (index == "layers")
        for section in sections:
            assert section in text, f"{name} does not document: {section}"
        for argument in inspect.signature(value).parameters.values():
            if argument.kind not in {argument.VAR_POSITIONAL, argument.VAR_KEYWORD}:
                documented = re.search(rf"^\s+{argument.name}: ", text, re.MULTILINE)
                assert documented or argument.name in {"name", "reduction", "dtype"}, (
                    f"{name} does not document `{argument.name}`"
                )


@pytest.mark.parametrize("path", SCRIPTS, ids=relative)
def test_scripts_import_without_side_effects(path, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["script", "--no-such-option"])
    namespace = runpy.run_path(str(path), run_name="imported")
    assert callable(namespace["main"])
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().out == ""


# What must not be committed


def text_files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    for path in files or SOURCES:  # an unpacked archive has no git
        try:
            yield path, path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue


def test_no_file_names_a_path_of_one_machine_or_a_package_registry():
    machine = r"(?<![\w.~])/(?:work|farm|root|home|Users)/"
    registry = r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org"
    for path, text in text_files():
        found = re.search(f"{machine}|{registry}", text)
        assert not found, f"{relative(path)}: {found[0]}"
