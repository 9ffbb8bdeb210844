# Takes from a TensorFlow wheel what the binding needs: python3 unpack.py WHEEL DEPS. Called by build.mjs; standard library only.
import os
import shutil
import sys
import zipfile

wheel, deps = sys.argv[1:]
libraries = {
    "tensorflow/libtensorflow_cc.so.2": "libtensorflow.so",
    "tensorflow/libtensorflow_framework.so.2": "libtensorflow_framework.so",
}
headers = tuple(f"tensorflow/include/{folder}/" for folder in ("tensorflow", "tsl", "xla"))

with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename
        if name in libraries:
            target = os.path.join(deps, "lib", os.path.basename(name))
        elif name.startswith(headers) and name.endswith(".h"):
            target = os.path.join(deps, name.removeprefix("tensorflow/"))
        else:
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(entry) as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)

for name, link in libraries.items():
    os.symlink(os.path.basename(name), os.path.join(deps, "lib", link))  # the linker looks for -ltensorflow
