# Unpacks of a wheel the files below a folder: python3 unpack.py WHEEL TARGET FOLDER WITHOUT. Called by wheel.mjs; standard library only.
import os
import re
import shutil
import sys
import zipfile

wheel, target, folder, without = sys.argv[1:]

with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename[len(folder) + 1 :]
        if not entry.filename.startswith(folder + "/") or entry.is_dir() or re.search(without, name):
            continue
        path = os.path.join(target, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as source, open(path, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        if entry.external_attr >> 16 & 0o100:
            os.chmod(path, 0o755)
