"""What stands in the image is what the agent needs: no file of the project too few or too many, and every library."""

import json
import shutil
import subprocess
import sys

from image.bytecode import run_python
from image.debian import FOLDERS
from image.project import HOME, ROOT, project_files

LOAD_ALL = """
import importlib, json, pkgutil, sys
import kubectl_netpol.agent, kubectl_netpol.guard
for room in (kubectl_netpol.agent, kubectl_netpol.guard):
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"{room.__name__}.{module.name}")
files = [module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "kubectl_netpol"]
print(json.dumps(files))
"""
LOAD_EXTENSIONS = """
import importlib, pathlib, sys
(folder,) = [place for place in sys.path if place.endswith("lib-dynload")]
for file in sorted(pathlib.Path(folder).iterdir()):
    importlib.import_module(file.name.partition(".")[0])
    print(file.name)
"""
LOAD_LIBBPF = """
import kubectl_netpol.agent.__main__, kubectl_netpol.agent.kernel as kernel, sys
kernel._Libbpf()
assert "pyroute2" not in sys.modules
(library,) = {line.split()[-1] for line in open("/proc/self/maps") if "libbpf" in line}
print(library)
"""


def test_the_agent_imports_with_exactly_the_files_that_are_listed(tmp_path):
    for name in project_files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "-P", "-c", LOAD_ALL]
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {name.removeprefix(f"{tmp_path}/") for name in json.loads(done.stdout)}
    assert loaded == {name for name in project_files() if name.endswith(".py")}


def test_every_extension_of_the_images_python_finds_its_libraries(root):
    assert "_ctypes." in run_python(root, ["-c", LOAD_EXTENSIONS])


def test_the_agent_of_the_image_loads_the_libbpf_of_the_image(root):
    assert run_python(root, ["-c", LOAD_LIBBPF], str(root / HOME)).startswith(f"{root}/usr/lib/")


def test_bytecode_names_the_places_in_the_image(root):
    for module, place in (("loop", f"{HOME}/kubectl_netpol/agent"), ("selectors", "usr/lib/python3.11")):
        (file,) = (root / place).glob(f"__pycache__/{module}.*.pyc")
        assert f"/{place}/{module}.py".encode() in file.read_bytes()
        assert str(root.parent.parent).encode() not in file.read_bytes()


def test_there_is_a_place_for_whatever_a_runtime_mounts_and_no_shell(root):
    assert all((root / name).is_dir() for name in FOLDERS)
    assert sorted(path.name for path in (root / "usr/bin").iterdir()) == ["python3", "python3.11"]
    assert not (root / "bin").exists()
    assert not [path for path in root.rglob("*") if path.is_symlink() and path.name == "sh"]
