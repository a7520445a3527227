"""Limits on model files that did not ship with hushgate.

A model file is a program. The model families need none of what makes a program dangerous, so a file that
is not shipped may hold only the operators listed here, no loops, branches, functions or external data,
and its sizes are bounded. Its tensors come from one pool of limited size (`limit_memory`), and its first run
has a time limit (`run_within`). docs/security.md has the table of limits.
"""

from __future__ import annotations

import functools
import os
import stat
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.onnx_file import read_structure
from hushgate.engine.model_files.runtime import import_onnxruntime

if TYPE_CHECKING:
    import onnxruntime

T = TypeVar("T")

# A `wave_ae` of 1024-512-256 units on a second at 16 kHz has 131 MB of weights, the largest of our families.
MAX_FILE_BYTES = 256 << 20
# Shipped files have up to 428 nodes.
MAX_NODES = 5_000
# Elements of all tensors in the file together: as many float32 as the file may have bytes for.
MAX_ELEMENTS = MAX_FILE_BYTES // 4
# Memory for the tensors of all untrusted models of a process together.
MAX_RUN_BYTES = 512 << 20
MAX_FIRST_RUN_S = 10.0
# A run that is told to end does so after the node that it computes.
_ENDING_S = 2.0

# Operators of the families in training/models, and of networks like them. Their outputs are bounded by their
# inputs, or come from the limited pool. Not here: Loop, Scan, If and all that holds a graph, random numbers,
# strings, sequences, and operators that are functions.
_OPERATOR_NAMES = """
    Abs Add And Atan AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv
    ConvTranspose Cos Div Dropout Elu Equal Erf Exp Expand Flatten Floor GRU Gather Gemm
    GlobalAveragePool Greater GreaterOrEqual HardSigmoid Identity InstanceNormalization LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min Mod Mul
    Neg Not Or PRelu Pad Pow RNN Range Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Shape Sigmoid Sign Sin Slice Softmax
    Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Upsample Where Xor
"""
OPERATORS = frozenset(_OPERATOR_NAMES.split())


def read_limited(path: str | os.PathLike[str], trusted: bool) -> bytes:
    """Read a model file; one that is not trusted must be a regular file of at most 256 MiB.

    Raises:
        FileNotFoundError, PermissionError: The path cannot be read.
        ModelError: A folder, a device, a pipe, or a file over the limit.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise ModelError(f"{os.fspath(path)} is a folder, not a model file.")
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{os.fspath(path)} is a device or a pipe, not a model file.")
    limit = None if trusted else MAX_FILE_BYTES
    if limit is not None and status.st_size > limit:
        raise ModelError(
            f"{os.fspath(path)} has {status.st_size:,} bytes (allowed: {limit:,}). "
            "If you trust it, load it with trusted=True."
        )
    with open(path, "rb") as file:
        return file.read() if limit is None else file.read(limit)


def check_structure(file: str, content: bytes) -> None:
    """Refuse a file with operators or sizes that no model of our families has.

    Args:
        file: Name of the file, for error messages.
        content: Its bytes.

    Raises:
        ModelError: Says what the file holds, and how to load it all the same.
    """
    structure = read_structure(file, content)
    strange = sorted(
        {
            f"{domain}.{operator}" if domain else operator
            for domain, operator in structure.operators
            if domain or operator not in OPERATORS
        }
    )
    num_nodes, elements = len(structure.operators), sum(structure.tensor_sizes)
    faults = (
        (structure.num_nested_graphs > 0, "graphs inside nodes (a loop or a branch)"),
        (structure.num_functions > 0, "functions"),
        (structure.has_training_graphs, "graphs for training"),
        (structure.has_external_data, "tensors that lie in other files"),
        (bool(strange), f"the operator {strange[0][:80]!r}" if strange else ""),
        (num_nodes > MAX_NODES, f"{num_nodes:,} nodes (allowed: {MAX_NODES:,})"),
        (elements > MAX_ELEMENTS, f"{elements:,} tensor elements (allowed: {MAX_ELEMENTS:,})"),
    )
    for is_fault, what in faults:
        if is_fault:
            raise ModelError(
                f"{file} holds {what}, which denoisers do not need. "
                "If you trust it, load it with trusted=True."
            )


@functools.cache
def limit_memory() -> None:
    """Register the pool that untrusted models allocate from, once per process."""
    onnxruntime = import_onnxruntime()

    onnxruntime.create_and_register_allocator(
        onnxruntime.OrtMemoryInfo(
            "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
        ),
        onnxruntime.OrtArenaCfg(MAX_RUN_BYTES, 1, -1, -1),  # grow by what is asked for, not in powers of two
    )


def run_within(file: str, seconds: float, work: Callable[[onnxruntime.RunOptions], T]) -> T:
    """Run a model in a thread of its own; end it after a time, or on Ctrl-C.

    onnxruntime looks at the options between nodes, so a node that is running ends first.

    Args:
        file: Name of the file, for error messages.
        seconds: Time limit, s.
        work: Called with the options to run with.

    Raises:
        ModelError: The time is up. Errors of `work` pass through.
    """
    onnxruntime = import_onnxruntime()

    options = onnxruntime.RunOptions()
    results: list[T] = []
    errors: list[BaseException] = []
    # Not Thread.is_alive: after an interrupted join, Python 3.11 takes a running thread for one that ended.
    is_done = threading.Event()

    def run() -> None:
        try:
            results.append(work(options))
        except BaseException as error:  # handed to the caller's thread
            errors.append(error)
        finally:
            is_done.set()

    # A daemon: a node that does not end must not keep the program from ending.
    thread = threading.Thread(target=run, name="hushgate first run", daemon=True)
    is_in_time = False
    try:
        thread.start()
        is_in_time = is_done.wait(seconds)
    finally:
        if not is_done.is_set():
            options.terminate = True
            # A thread that is in native code when the interpreter ends makes the process abort.
            is_done.wait(_ENDING_S)
    if not is_in_time:
        raise ModelError(
            f"{file} took more than {seconds:g} s for its first frames. "
            "If you trust it, load it with trusted=True."
        )
    if errors:
        raise errors[0]
    return results[0]
