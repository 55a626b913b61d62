"""A JVM that a kernel starts for itself, and that ends with it."""

import os
import re
import signal
import subprocess
import sys

# Where the first kernel of a session writes which port the web pages of its Spark have.
PAGES = os.path.join("kernel", "pages-port")


def start(host, **streams):
    """Starts it. For the main thread: the JVM is killed when the thread ends that started it."""
    settings = host.settings["jvm"]
    return subprocess.Popen(
        [settings["program"], *settings["args"], *again(host), *settings["main"]],
        env={**os.environ, **settings["env"]},
        preexec_fn=host.die_with_parent,
        **streams,
    )


def again(host):
    """What is told to the driver of a kernel that was started anew: its web pages are where they are looked for."""
    if host.kernels == 1 or not os.path.exists(PAGES):
        return []
    with open(PAGES) as file:
        return [f"-Dspark.ui.port={int(file.read())}"]


def keep_port_of_pages(address):
    """Notes the port of the web pages that have this address, if there are any, unless that is known."""
    port = re.search(r":(\d+)/?\Z", address or "")
    if port and not os.path.exists(PAGES):
        with open(PAGES, "w") as file:
            file.write(port.group(1))


def ended(process):
    """Waits for the end of a JVM; the status that says the same of this process."""
    code = process.wait()
    if code < 0:
        os.kill(os.getpid(), -code if -code in (signal.SIGKILL, signal.SIGTERM) else signal.SIGABRT)
    return code


def refuse(error):
    """Ends this process with a Java error, and says it as a JVM does that is ended by one."""
    lines = [f'Exception in thread "main" {error.toString()}']
    while (error := error.getCause()) is not None:
        lines.append(f"Caused by: {error.toString()}")
    print("\n".join(lines), file=sys.stderr, flush=True)
    raise SystemExit(1)
