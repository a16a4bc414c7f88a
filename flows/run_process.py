"""The process of a flow run that a worker starts: Prefect's engine, and nothing else to import.

Python's `spawn` has each child import the main module of its parent again. Were that Prefect's
engine, the processes that curate videos would load Prefect, which they never use.

Cost: none; it spares every child 1.4 s of processor time and 100 MB.
"""

import runpy

from tinyvideo.flows.loopback import keep_loopback_direct

if __name__ == "__main__":
    keep_loopback_direct()
    runpy.run_module("prefect.engine", run_name="__main__")
