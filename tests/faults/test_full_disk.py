"""The receiver's `--out` cannot be written to: the disk is full, the folder is gone.

Must hold: one clear line and a count, the stream goes on with acknowledgements, nothing half-written looks whole, and
writing goes on by itself once there is room.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from PIL import Image

from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

IN_A_NAMESPACE = "mount -t tmpfs -o size=48m tmpfs /mnt && mkdir /mnt/out && echo mounted && exec cat"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, new_stream) -> Iterator[tuple]:
    """A stream whose receiver writes to ``out``, a symbolic link that a test may turn elsewhere."""
    folder = tmp_path_factory.mktemp("recording")
    (folder / "disk").mkdir()
    out = folder / "out"
    out.symlink_to("disk")
    with new_stream(folder / "logs", receiver=("--out", str(out), "--keep", "12")) as stream:
        stream.start(*ROLES)
        yield stream, out


def file_size_limit(stream, out: Path, cleanup: contextlib.ExitStack) -> Callable[[], None]:
    """No file may grow beyond 8 kB (EFBIG), as with a quota: the film breaks off in the middle."""
    pid = stream.services.pids["receiver"]
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (8192, hard))
    return lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def no_folder(stream, out: Path, cleanup: contextlib.ExitStack) -> Callable[[], None]:
    """Where the folder was there is a file (ENOTDIR)."""
    turn(out, "file")
    (out.parent / "file").write_text("not a folder")
    return lambda: turn(out, "disk")


def full_file_system(stream, out: Path, cleanup: contextlib.ExitStack) -> Callable[[], None]:
    """A tmpfs that is full (ENOSPC), mounted in a namespace of its own, for which one need not be root."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_NAMESPACE]
    try:
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("there is no unshare(1) here")
    cleanup.enter_context(holder)
    cleanup.callback(holder.kill)
    cleanup.callback(turn, out, "disk")
    small = Path(f"/proc/{holder.pid}/root/mnt")
    assert holder.stdout is not None
    if holder.stdout.readline() != b"mounted\n" or not (small / "out").is_dir():
        pytest.skip("here nobody but root may mount a file system")
    with contextlib.suppress(OSError), (small / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    turn(out, small / "out")
    return lambda: (small / "filler").unlink()


def turn(link: Path, target: str | Path) -> None:
    """The symbolic link points elsewhere from one moment to the next."""
    new = link.with_name("turned")
    new.symlink_to(target)
    new.replace(link)


def check_whole(folder: Path) -> list[str]:
    """Every burst with facts is whole, nothing else is there but what is being written. Returns the whole ones."""
    whole = []
    for facts in sorted(folder.glob("*.json")):
        seq = facts.stem
        with contextlib.suppress(FileNotFoundError):  # replaced or deleted by --keep while we look
            assert json.loads(facts.read_text())["seq"] == int(seq)
            for k in range(8):
                with Image.open(folder / seq / f"{k:03d}.png") as picture:
                    picture.load()
            with av.open(str(folder / f"{seq}.mp4")) as film:
                assert len(list(film.decode(video=0))) == 8
            whole.append(seq)
    return whole


@pytest.mark.parametrize("fault", [file_size_limit, no_folder, full_file_system])
def test_the_stream_goes_on_and_writing_resumes(recording, fault: Callable[..., Callable[[], None]]) -> None:
    """`unwritten` counts what was acknowledged and not written; two lines: when it began, when it was over."""
    stream, out = recording
    stream.heal()
    said, before = len(stream.log("receiver")), stream.status("receiver")
    with contextlib.ExitStack() as cleanup:
        mend = fault(stream, out, cleanup)
        try:
            stream.until(lambda status: status["unwritten"] > before["unwritten"], role="receiver")
            unwritten = stream.status("receiver")["unwritten"]
            there = set(check_whole(out)) if out.is_dir() else set()
            after = stream.flow(4)  # acknowledged all the same
            during = stream.status("receiver")
            assert during["unwritten"] - unwritten >= 3
            if out.is_dir():
                assert set(check_whole(out)) <= there
                assert not [path for path in out.iterdir() if path.stem not in there and path.name[0] != "."]
            (line,) = (line for line in stream.log("receiver")[said:] if "written" in line)
            assert "cannot be written: " in line
        finally:
            mend()
        now = stream.flow(5)
        lines = [line for line in stream.log("receiver")[said:] if "written" in line]
        count = stream.status("receiver")["unwritten"] - before["unwritten"]
        assert len(lines) == 2, lines
        assert f"written again; {count} were not" in lines[1]
        stream.turn("transmitter", "paused", True)
        stream.until(lambda status: status["outstanding"] == 0)
        whole = check_whole(out)
        assert len(set(whole) - there) >= 3
        assert {path.name for path in out.iterdir()} == {seq + end for seq in whole for end in ("", ".json", ".mp4")}
        assert (now["lost"], now["session"]) == (after["lost"], after["session"])
        assert stream.status("receiver")["errors"] == before["errors"]
