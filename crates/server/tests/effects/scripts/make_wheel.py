"""Makes a wheel of one module: FOLDER PACKAGE VERSION WORD REQUIRES."""

import base64
import hashlib
import sys
import zipfile

folder, package, version, word, requires = sys.argv[1:]
module = package.replace("-", "_")
info = f"{module}-{version}.dist-info"
files = {
    f"{module}.py": f"def whence():\n    return {word!r}\n",
    f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nRequires-Dist: {requires}\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
record = ""
with zipfile.ZipFile(f"{folder}/{module}-{version}-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text.encode())}\n"
        wheel.writestr(name, text)
    wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
