"""unpack.py WHEEL FOLDER MEMBER...: unpacks these members, or what is under them where a name ends with a slash."""

import sys
import zipfile

wheel, folder, *members = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    names = archive.namelist()
    for member in members:
        found = [name for name in names if name == member or (member.endswith("/") and name.startswith(member))]
        if not found:
            sys.exit(f"it has no member {member}")
        archive.extractall(folder, found)
