"""The examples of docs/operate are accepted by the programs that they are for."""

from __future__ import annotations

import datetime
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ripstop.kernel import configuration
from tests.architecture.sources import ROOT

EXAMPLES = ROOT / "docs" / "operate"

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""Folders that nginx makes, and that a test may not make where they usually are."""


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "social.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


def test_nginx_takes_its_example(tmp_path: Path) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    certificate, key = a_certificate(tmp_path)
    example = (EXAMPLES / "nginx.conf").read_text()
    example = re.sub(r"(ssl_certificate +)\S+;", rf"\1{certificate};", example)
    example = re.sub(r"(ssl_certificate_key +)\S+;", rf"\1{key};", example)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n"
        + "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in TEMPORARY)
        + example
        + "}\n"
    )
    checked = subprocess.run([nginx, "-t", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_caddy_takes_its_example() -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed")
    adapted = [caddy, "adapt", "--adapter", "caddyfile", "--config", str(EXAMPLES / "Caddyfile"), "--validate"]
    checked = subprocess.run(adapted, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("unit", sorted(path.name for path in EXAMPLES.glob("*.service")))
def test_systemd_takes_its_examples(tmp_path: Path, unit: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    example = (EXAMPLES / unit).read_text().replace("/opt/ripstop/bin/ripstop", shutil.which("true") or "true")
    (tmp_path / unit).write_text(re.sub(r"(?m)^User=.*$", "User=root", example))
    checked = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / unit)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in checked.stderr.splitlines() if unit in line]
    assert complaints == []


def test_the_settings_are_ones_that_there_are() -> None:
    settings = configuration.load({"RIPSTOP_CONFIG": str(EXAMPLES / "ripstop.toml")})
    for proxy in ("nginx.conf", "Caddyfile"):
        text = (EXAMPLES / proxy).read_text()
        assert f"127.0.0.1:{settings.port}" in text, proxy
        assert settings.origin.removeprefix("https://") in text, proxy
