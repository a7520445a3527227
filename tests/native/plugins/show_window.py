"""Shows the plugin's window in pedalboard while sound runs, clicks where it is told to, and saves a picture.

usage: python show_window.py PLUGIN.vst3 SOUND PICTURE.png [X,Y[,Y2] ...]

Each X,Y is a click in the window; with Y2 a drag from Y to Y2. Prints the parameters at the end, one a line.
Run it in a display of its own (xvfb-run). Needs libX11 and libXtst, through ctypes.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from typing import Any

import numpy as np
import pedalboard
from numpy.typing import NDArray
from pedalboard.io import AudioFile

_SETTLE_S = 0.4


_ignore = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda display, error: 0)


class Display:
    """The X display: pictures of it, the pointer and its button."""

    def __init__(self) -> None:
        self._x11 = ctypes.CDLL("libX11.so.6")
        self._test = ctypes.CDLL("libXtst.so.6")
        for name in ("XOpenDisplay", "XGetImage", "XDefaultRootWindow"):
            getattr(self._x11, name).restype = ctypes.c_void_p
        self._x11.XGetPixel.restype = ctypes.c_ulong
        # JUCE asks for a property of no window where no window manager runs; Xlib would end the process.
        self._x11.XSetErrorHandler(_ignore)
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(None))
        self._root = ctypes.c_void_p(self._x11.XDefaultRootWindow(self._display))

    def move(self, x: int, y: int) -> None:
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._x11.XFlush(self._display)

    def button(self, is_down: bool) -> None:
        self._test.XTestFakeButtonEvent(self._display, 1, is_down, 0)
        self._x11.XFlush(self._display)

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """The upper left part of the screen, (height, width, 3)."""
        all_planes, z_pixmap = ctypes.c_ulong(-1), 2
        image = self._x11.XGetImage(self._display, self._root, 0, 0, width, height, all_planes, z_pixmap)
        # XImage: width, height, xoffset, format, then the data.
        data = ctypes.cast(image + 16, ctypes.POINTER(ctypes.c_void_p))[0]
        raw = np.ctypeslib.as_array(ctypes.cast(data, ctypes.POINTER(ctypes.c_uint8)), (height, width, 4))
        return raw[:, :, 2::-1].copy()


def main() -> None:
    plugin_path, sound_path, picture_path, *gestures = sys.argv[1:]
    display = Display()
    plugin: Any = pedalboard.load_plugin(plugin_path)
    with AudioFile(sound_path) as file:
        rate, sound = file.samplerate, file.read(file.frames)
    sound = np.repeat(sound[:1], 2, axis=0)
    closing = threading.Event()

    def play() -> None:
        """Feed the sound as fast as it would be heard."""
        block, begin = 2_048, time.monotonic()
        at = 0
        while not closing.is_set():
            part = np.take(sound, range(at, at + block), axis=1, mode="wrap")
            plugin(part, rate, buffer_size=512, reset=False)
            at += block
            time.sleep(max(0.0, begin + at / rate - time.monotonic()))

    def act() -> None:
        try:
            time.sleep(3.0)
            for gesture in gestures:
                x, y, *to = (int(number) for number in gesture.split(","))
                display.move(x, y)
                time.sleep(_SETTLE_S)
                display.button(True)
                for step in range(1, 11 if to else 1):
                    time.sleep(0.05)
                    display.move(x, y + (to[0] - y) * step // 10)
                time.sleep(_SETTLE_S)
                display.button(False)
                time.sleep(_SETTLE_S)
            time.sleep(2.0)
            _write_png(picture_path, display.picture(1024, 768))
        finally:
            closing.set()

    threads = [threading.Thread(target=work) for work in (play, act)]
    for thread in threads:
        thread.start()
    plugin.show_editor(closing)
    for thread in threads:
        thread.join()
    for name, parameter in plugin.parameters.items():
        print(f"{name}={parameter.raw_value:.6g}")


def _write_png(path: str, pixels: NDArray[np.uint8]) -> None:
    from matplotlib.image import imsave

    imsave(path, pixels)


if __name__ == "__main__":
    main()
