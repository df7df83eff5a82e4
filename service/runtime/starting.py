"""Runs a child's program: `python -m service.runtime.starting MODULE`, whose `main` gives the exit code.

What modules define stays, so nobody looks through it for garbage: not while they load, a sixth of a worker's start, and
not later. SIGUSR2 shows where each thread stands, on the standard error, also of a process that hangs.
"""

import faulthandler
import gc
import signal
import sys
from importlib import import_module

from policy_lang.uncollected import uncollected

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR2)
    with uncollected():
        program = import_module(sys.argv[1])
    gc.freeze()
    sys.exit(program.main())
