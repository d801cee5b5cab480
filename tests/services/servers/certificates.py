"""Certificates for tests: an authority, and a server's certificate signed by it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: the authority, a server's certificate for `localhost`, and its key."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, *, names: str = "DNS:localhost,IP:127.0.0.1") -> Certificates:
    """Make an authority and a certificate for these names, valid for a month."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca_key, request, extensions = folder / "ca.key", folder / "server.csr", folder / "extensions"
    extensions.write_text(
        f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n",
        encoding="ascii",
    )
    _openssl(
        *("req", "-x509", *curve, "-days", "30", "-subj", "/CN=An authority of the tests"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", ca_key, "-out", made.authority),
    )
    _openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", made.key, "-out", request)
    _openssl(
        *("x509", "-req", "-in", request, "-CA", made.authority, "-CAkey", ca_key),
        *("-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", made.certificate),
    )
    return made


def _openssl(*argv: str | Path) -> None:
    done = subprocess.run(
        ["openssl", *map(str, argv)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
