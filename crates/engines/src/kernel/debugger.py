"""A Python kernel that makes its debugger when somebody asks for one. Importing that takes as long as all else that a kernel does
before it answers, and most notebooks never have one."""

import asyncio
import contextlib
import importlib
import importlib.util
import sys

from ipykernel.ipkernel import IPythonKernel

# What ipykernel takes for a sign that it can debug.
NEEDED = "debugpy"
FEATURE = "debugger"


@contextlib.contextmanager
def left_out():
    """Meanwhile importing what debugging needs fails, which ipykernel is prepared for."""
    absent = NEEDED not in sys.modules
    if absent:
        sys.modules[NEEDED] = None
    try:
        # A kernel of another language looks for it when it is asked what it can.
        import ipykernel.debugger  # noqa: F401

        yield
    finally:
        if absent:
            del sys.modules[NEEDED]


class Kernel(IPythonKernel):
    @property
    def kernel_info(self):
        info = super().kernel_info
        features = info["supported_features"]
        if FEATURE not in features and importlib.util.find_spec(NEEDED) is not None:
            features.append(FEATURE)
        return info

    async def do_debug_request(self, msg):
        if not hasattr(self, "debugger"):
            self.make_debugger()
        return await super().do_debug_request(msg)

    def make_debugger(self):
        """As ipykernel does it with every kernel."""
        import ipykernel.debugger

        importlib.reload(ipykernel.debugger)
        self.debugger = ipykernel.debugger.Debugger(
            self.log,
            self.debugpy_stream,
            self._publish_debug_event,
            self.debug_shell_socket,
            self.session,
            self._kernel_modules,
            self.debug_just_my_code,
            self.filter_internal_frames,
        )
        # The loop keeps no task by itself.
        self.stopped = asyncio.ensure_future(super().poll_stopped_queue())

    async def poll_stopped_queue(self):
        """It begins with the debugger."""
