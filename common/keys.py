"""Key files: who is who when the sockets are locked. CURVE (Curve25519) key pairs, one for each role.

A folder of keys holds ``ROLE.public`` and ``ROLE.secret`` files. Each is plain ASCII of at most 4 096 bytes: lines that
begin with ``#`` and a space are comments, one other line is the key, 40 characters of Z85 (ZeroMQ RFC 32; no space is
among them). A process needs the secret of its own role and the public keys of all; docs/security.md tells what that
defends.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from common.errors import GvscError

ROLES: Final = ("transmitter", "channel", "receiver", "viewer")
"""Who has keys. A viewer is anyone with ``gvsc control``, ``inspect`` or another program that looks and turns knobs."""

MAX_FILE_BYTES: Final = 4096

_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


class KeysError(GvscError):
    """Keys are missing, malformed, readable by others, or would be overwritten."""


@dataclass(frozen=True)
class Keyring:
    """What one process holds: its role, its secret key, and everybody's public key, all Z85 (40 bytes)."""

    role: str
    public: Mapping[str, bytes]
    secret: bytes = field(repr=False)

    def role_of(self, public_key: bytes) -> str | None:
        """Whose public key this is, None for a stranger's."""
        return next((role for role, known in self.public.items() if known == public_key), None)


def make(folder: Path) -> list[Path]:
    """Writes new key pairs for all roles, secrets with mode 0600, and returns the files.

    The folder is made where needed, with mode 0700. Raises KeysError where one of the files exists already: a key in
    use is never overwritten.
    """
    pairs = {role: zmq.curve_keypair() for role in ROLES}
    texts = {folder / f"{role}.public": _text(role, "public", public) for role, (public, _) in pairs.items()}
    texts |= {folder / f"{role}.secret": _text(role, "secret", secret) for role, (_, secret) in pairs.items()}
    written: list[Path] = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in texts:
            if os.path.lexists(path):
                raise KeysError(f"{path} exists: keys are not overwritten; name another folder, or move the old keys")
        for path, text in texts.items():
            mode = 0o600 if path.suffix == ".secret" else 0o644
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:  # noqa: PTH123 (mode and O_EXCL from the start)
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise KeysError(f"keys cannot be written to {folder}: {error.strerror or error}") from None
    return list(texts)


def load(folder: Path, role: str | None = None) -> Keyring:
    """The keys of ``role`` from a folder; None means the viewer's or, without those, the only secret that is there.

    Raises KeysError where a file is missing, malformed, too large, where anyone else may read the secret, or where the
    secret and public key of the role are no pair.
    """
    if role is None:
        role = _role_present(folder)
    secret_path = folder / f"{role}.secret"
    secret = _read(secret_path, private=True)
    public = {name: _read(folder / f"{name}.public", private=False) for name in ROLES}
    if len(set(public.values())) != len(ROLES):
        raise KeysError(f"{folder}: two roles have the same public key")
    if _public_of(secret, secret_path) != public[role]:
        raise KeysError(f"{secret_path} does not belong to {role}.public beside it: copy both from the same folder")
    return Keyring(role, public, secret)


def _role_present(folder: Path) -> str:
    present = [role for role in ROLES if (folder / f"{role}.secret").exists()]
    if not present:
        raise KeysError(f"{folder} holds no secret key (ROLE.secret): make keys with `gvsc keys --out {folder}`")
    if len(present) > 1 and "viewer" not in present:
        raise KeysError(f"{folder} holds the secrets of {', '.join(present)}, and not the viewer's: which to use?")
    return "viewer" if "viewer" in present else present[0]


def _text(role: str, kind: str, key: bytes) -> str:
    note = "every machine needs it" if kind == "public" else f"for the machine of the {role} alone, and nobody's eyes"
    return f"# GVSC, {kind} key of the {role} (CURVE, Z85): {note}\n{key.decode('ascii')}\n"


def _read(path: Path, *, private: bool) -> bytes:
    """The key in a file. No message ever quotes what the file holds."""
    try:
        # Non-blocking, so that a pipe in the place of a file cannot hold the process up.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise KeysError(f"{path} is not a file")
            if private and about.st_mode & 0o077:
                raise KeysError(f"{path} is a secret that others than its owner may read: chmod 600 {path}")
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeysError(f"the key {path} cannot be read: {error.strerror}") from None
    lines = content.decode("ascii", "replace").splitlines() if len(content) <= MAX_FILE_BYTES else []
    keys = [line for line in lines if line and not line.startswith("# ")]
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]) or not _is_z85(keys[0]):
        raise KeysError(f"{path} is not a key file: one line of 40 characters is due, and comments (# and a space)")
    return keys[0].encode("ascii")


def _is_z85(key: str) -> bool:
    """Whether the digits mean 32 bytes: five of base 85 hold a little more than the four bytes that they stand for."""
    try:
        return len(z85.decode(key)) == 32
    except (ValueError, struct.error):
        return False


def _public_of(secret: bytes, path: Path) -> bytes:
    try:
        return zmq.curve_public(secret)
    except zmq.ZMQError as error:
        raise KeysError(f"{path} is no secret key: {error.strerror}") from None
