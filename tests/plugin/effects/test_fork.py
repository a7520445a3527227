"""Forked children: locks that other threads of the parent held are free there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

WHILE_AN_EFFECT_RUNS = """
import os, sys, threading, time
import numpy as np
from hushgate import Chain, Denoiser

class Slow:
    def process(self, block, sample_rate, buffer_size=8192, reset=True):
        busy.set()
        time.sleep(30.0)
        return block
    def reset(self): pass

busy = threading.Event()
chain = Chain([Slow()])
threading.Thread(target=chain.process, args=(np.zeros((1, 480), np.float32), 48000), daemon=True).start()
busy.wait()
child = os.fork()
if child == 0:
    chain[:] = []
    chain.reset()
    os._exit(0 if chain(np.ones((1, 480), np.float32), 48000).all() else 1)
"""

WHILE_A_MODEL_LOADS = """
import os, threading, time
from hushgate.engine.model_files import model

loading, original = threading.Event(), model.Model.__init__
def slow(self, *arguments, **settings):
    loading.set()
    time.sleep(30.0)
model.Model.__init__ = slow
threading.Thread(target=model.load_model, args=("voice",), daemon=True).start()
loading.wait()
child = os.fork()
if child == 0:
    model.Model.__init__ = original
    os._exit(0 if model.load_model("voice").info.name == "voice" else 1)
"""

WAIT_FOR_THE_CHILD = """
deadline = time.monotonic() + 15.0
while time.monotonic() < deadline:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        os._exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.02)
os.kill(child, 9)
os._exit(3)
"""


@pytest.mark.parametrize("code", [WHILE_AN_EFFECT_RUNS, WHILE_A_MODEL_LOADS], ids=["effect", "model"])
def test_a_child_made_meanwhile_does_not_wait(code: str) -> None:
    program = [sys.executable, "-c", code + WAIT_FOR_THE_CHILD]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
