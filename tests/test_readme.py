"""The README's commands and code run as they are printed."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
]
SCRIPTS = [command for command in COMMANDS if re.match(r"python \w+/", command)]
# These make the environment that the tests run in.
INSTALLATION = ("make ", "python3 -m venv", ".venv/bin/python", "source ")

# Options that make a command short, for those that hold all words of a line; what is
# printed comes before them.
SHORTER = {
    "trigger_word.py speak": "--num-positives 20 --num-negatives 40",
    "trigger_word.py --num-examples": "--num-examples 4",
    "trigger_word.py train": (
        "--epochs 1 --batch-size 2 --filters 8 --spoken-negatives 10 "
        "--spoken-positives 2"
    ),
    "signs.py --num-examples": "--num-examples 60",
    "date_translation.py train": "--epochs 1 --batch-size 64",
    "date_translation.py train --output runs/dates": "--num-dates 300",
    "date_translation.py evaluate": "--num-dates 100",
    "foundations.py optimization": "--epochs 20",
    "foundations.py cats --output": "--size 24 --iterations 2",
    "signs.py train": "--epochs 1 --batch-size 8 --network convnet",
    "signs.py train --output runs/signs": "--rendered 60",
}


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_runs_as_printed(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(PYTHON[number], f"README {number}", "exec"), {})
    assert not any(tmp_path.iterdir())


def test_every_command_is_run_by_a_test_or_installs():
    others = [command for command in COMMANDS if command not in SCRIPTS]
    assert others
    assert all(command.startswith(INSTALLATION) for command in others)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with the scripts, and a recording of the embedded word."""
    pytest.importorskip("espeakng_loader")
    folder = tmp_path_factory.mktemp("readme")
    for name in ("assignments", "data_scripts"):
        shutil.copytree(ROOT / name, folder / name)
    clip = next((ROOT / "dlai_keras/trigger_word/clips/activates").glob("*.flac"))
    import soundfile

    audio, rate = soundfile.read(clip)
    soundfile.write(folder / "recording.wav", audio, rate)
    from dlai_keras import images
    from dlai_keras.signs.hands import draw_hand

    images.write(folder / "hand.png", draw_hand(np.random.default_rng(0), 3))
    return folder


@pytest.mark.parametrize("command", SCRIPTS)
def test_commands_run_in_the_order_of_the_readme(command, workplace):
    argv = shlex.split(command)
    for words, options in SHORTER.items():
        if all(word in command for word in words.split()):
            argv += shlex.split(options)
    result = subprocess.run(
        [sys.executable, *argv[1:]],
        cwd=workplace,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    if "--output" in argv:
        output = workplace / argv[argv.index("--output") + 1]
        assert any(output.iterdir()) if output.is_dir() else output.stat().st_size


def test_the_readme_names_everything_public():
    import dlai_keras.layers
    import dlai_keras.losses
    import dlai_keras.metrics

    for index in (dlai_keras.layers, dlai_keras.losses, dlai_keras.metrics):
        for name in index.__all__:
            assert name in README, f"{name} is missing in the README"
    builders = [
        name
        for path in (ROOT / "dlai_keras").glob("*/model.py")
        for name in re.findall(
            r"^def (\w*detector|date_\w+|\w+_translator|load_\w+|\w*resnet\w*"
            r"|transfer_model|\w+_batch_norm)\(",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]
    assert len(builders) > 7
    missing = {name for name in builders if name not in README}
    assert missing <= {"save_detector", "load_detector"}
