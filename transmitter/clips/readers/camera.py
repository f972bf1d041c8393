"""A camera: clips of what is to be seen now, for as long as it is on."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import av
import av.error
from av.container import InputContainer

from common.clip import Clip
from common.errors import ClipError
from transmitter.clips.decode import decode_live, reason
from transmitter.clips.readers.base import refuse_start
from transmitter.clips.stream import read_live
from transmitter.clips.wanted import Wanted

_PREFIX: Final = "camera:"


@dataclass(frozen=True)
class Device:
    """How FFmpeg is told to open a camera: its input format, the name there, and options."""

    format: str
    name: str
    options: Mapping[str, str]


def device_of(camera: str, platform: str = sys.platform) -> Device:
    """The device of a camera given by number or by the name that the system has for it.

    Linux: N or /dev/videoN (Video4Linux); macOS: a number or a name (AVFoundation); Windows: a name (DirectShow).
    Raises ClipError for anything else: an address is no camera, and nothing but a camera is opened.
    """
    if platform.startswith("linux"):
        if not re.fullmatch(r"(/dev/video)?[0-9]{1,3}", camera):
            raise ClipError(f"{camera!r} is no camera: give its number, such as 0, or its device, such as /dev/video0")
        return Device("v4l2", camera if camera.startswith("/") else f"/dev/video{camera}", {})
    if not re.fullmatch(r"[^:/\\\0]{1,128}", camera):
        raise ClipError(f"{camera!r} is no camera: give the name that the system has for it")
    if platform == "darwin":
        return Device("avfoundation", f"{camera}:none", {"framerate": "30"})
    if platform == "win32":
        if camera.isdecimal():
            raise ClipError(f"camera {camera}: here cameras go by their names, not by numbers")
        return Device("dshow", f"video={camera}", {})
    raise ClipError(f"cameras are not supported on {platform}")


def open_device(device: Device) -> InputContainer:
    """Raises FFmpegError, OSError, ValueError where it cannot be opened."""
    return av.open(device.name, mode="r", format=device.format, options=dict(device.options))


@dataclass(frozen=True)
class Camera:
    """``camera`` as the user named it; ``opener`` stands in for the hardware in tests."""

    camera: str
    device: Device
    opener: Callable[[Device], InputContainer] = open_device
    endless: ClassVar[bool] = True

    def check(self, wanted: Wanted) -> None:
        """See ``Reader``. Whether the camera is there ``recognise`` has looked; it is not switched on for this."""
        refuse_start(f"camera {self.camera}", wanted)

    def read(self, wanted: Wanted) -> Generator[Clip]:
        """See ``Reader`` and ``read_live``. Ends with ClipError when the camera gives no more pictures."""
        self.check(wanted)
        source = f"camera {self.camera}"
        try:
            container = self.opener(self.device)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise ClipError(f"{source}: {self.device.name} cannot be opened ({reason(error)})") from None
        with container, closing(decode_live(source, container)) as frames:
            yield from read_live(source, frames, wanted, caption=wanted.caption or "", name=f"camera-{self._short}")
        raise ClipError(f"{source}: gives no more pictures")

    @property
    def _short(self) -> str:
        return self.camera.rsplit("/", 1)[-1]


def recognise(source: str) -> Camera | None:
    """``camera:N`` or ``camera:DEVICE``. Raises ClipError, before anything is opened, where there is no such camera."""
    if not source.startswith(_PREFIX):
        return None
    camera = source.removeprefix(_PREFIX)
    device = device_of(camera)
    if device.format == "v4l2" and not Path(device.name).exists():
        found = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        raise ClipError(f"camera {camera}: there is no {device.name}; cameras here: {found}")
    return Camera(camera, device)
