import subprocess
import sys

HEAVY = ["boto3", "botocore", "datasets", "huggingface_hub", "pandas", "pyarrow", "torch"]

IMPORT_ALL = f"""
import importlib, pkgutil, sys
import stillhouse.components.storage as room
for module in pkgutil.iter_modules(room.__path__):
    importlib.import_module(room.__name__ + "." + module.name)
print(*sorted(set({HEAVY}) & set(sys.modules)))
"""


def test_importing_the_room_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
