"""A process that gets ready to be the host of a kernel (`host.py`) before it is known of which: it imports what takes most of a host's
start. A line of standard input then says what it would have been started with."""

import json
import os
import sys

# Others see in /proc what a process was started with. This variable there keeps room for the one that says which engine it is of.
FUTURE, ENGINE = b"HEARTH_FUTURE=", b"HEARTH_ENGINE="
# The field of /proc/self/stat that says where the environment begins (proc_pid_stat(5)), counted from the one after the name.
ENV_START = 50 - 3


def show(engine):
    """Lets others see which engine this is."""
    with open("/proc/self/environ", "rb") as file:
        at = file.read().index(FUTURE)
    with open("/proc/self/stat") as file:
        start = int(file.read().rpartition(")")[2].split()[ENV_START])
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(start + at)
        memory.write(ENGINE + engine.encode())


# The folder that it was started in is nothing to it.
del sys.path[0]
# Of imports.py, which stands before this text.
import_what_kernels_need()  # noqa: F821
told = sys.stdin.readline()
if not told:
    sys.exit()
told = json.loads(told)
with open(os.devnull) as nothing:
    os.dup2(nothing.fileno(), 0)
try:
    show(told["env"]["HEARTH_ENGINE"])
except (OSError, ValueError) as error:
    # It works without.
    print(f"This process cannot show which engine it is: {error}", file=sys.stderr)
os.environ.clear()
os.environ.update(told["env"])
os.chdir(told["dir"])
sys.argv = told["args"]
program = os.path.abspath(sys.argv[0])
# There are secrets in it.
del told
sys.path.insert(0, os.path.dirname(program))
with open(program) as file:
    code = compile(file.read(), program, "exec")
exec(code, {"__name__": "__main__", "__file__": program, "__builtins__": __builtins__})
