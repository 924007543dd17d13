#!/usr/bin/env bash
# Make a virtual environment with pip in it: make_venv.sh PYTHON FOLDER
# A system Python without ensurepip (Debian's, without python3-venv) is served by its pip, where it has one.
set -euo pipefail
python=$1 folder=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Verbena needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    echo "Name another one: make PYTHON=python3.13 $([ $# -gt 2 ] && echo "$3" || echo setup)" >&2
    exit 1
}
if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    exec "$python" -m venv "$folder"
fi
if "$python" -c 'import pip, venv' 2>/dev/null; then
    "$python" -m venv --without-pip "$folder"
    exec "$python" -m pip --quiet --python "$folder/bin/python" install pip
fi
if "$python" -m virtualenv --version >/dev/null 2>&1; then
    exec "$python" -m virtualenv --quiet "$folder"
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
echo "$python can not make virtual environments. Install its venv package, for instance:" >&2
echo "    apt-get install python${version}-venv" >&2
exit 1
