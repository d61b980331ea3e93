"""DNSSEC keys for tests."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec


def make_key():
    """A key for keys and zone alike (ECDSA P-256), as getDomainKeys has it; the content is written as BIND writes private keys."""
    private = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    content = f"Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: {base64.b64encode(private).decode()}\n"
    return {"id": 1, "flags": 257, "active": True, "published": True, "content": content}
