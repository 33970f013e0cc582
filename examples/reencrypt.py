"""Proxy re-encryption: what Alice can read is turned into what Bob can read, by a proxy that can read neither.

The scheme is that of Blaze, Bleumer and Strauss (Divertible Protocols and Atomic Proxy Cryptography, EUROCRYPT 1998):
ElGamal with the shared secret in the exponent, so that a power of it moves a ciphertext from one key to another. It
carries a random group element, and a key made of that hides the text. Upload it to a worker:

    curl -F file=@examples/reencrypt.py http://HOST/reencrypt

It ends with 1 when the re-encrypted text does not decrypt. It takes 0.1 to 0.8 s of CPU time,
as the machine is. It shows the arithmetic and is no library: `pow` takes a time that depends on the secrets.
"""

import hashlib
import secrets
import sys

TEXT = "the quick brown fox jumps over the lazy dog"


def arctan_of_inverse(x, unity):
    """arctan(1/x) as a whole number of 1/unity, by its power series."""
    total = term = unity // x
    divisor, sign = 3, -1
    while term:
        term //= x * x
        total += sign * (term // divisor)
        divisor, sign = divisor + 2, -sign
    return total


def safe_prime():
    """The 2048-bit safe prime of RFC 3526 section 3: 2^2048 - 2^1984 - 1 + 2^64 * (floor(2^1918 pi) + 124476)."""
    guard = 64
    unity = 2 ** (1918 + guard)
    # Machin's formula.
    pi = 4 * (4 * arctan_of_inverse(5, unity) - arctan_of_inverse(239, unity))
    return 2**2048 - 2**1984 - 1 + 2**64 * ((pi >> guard) + 124476)


P = safe_prime()
# The squares form the subgroup of prime order Q; 4 is a square, and so it generates them.
Q = (P - 1) // 2
G = 4


def secret_key():
    return secrets.randbelow(Q - 1) + 1


def public_key(secret):
    return pow(G, secret, P)


def mask(element, length):
    return hashlib.shake_256(element.to_bytes(256, "big")).digest(length)


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def encrypt(public, text):
    """(element * G^r, public^r, text hidden by the element)"""
    element = pow(secrets.randbelow(P - 2) + 2, 2, P)
    r = secret_key()
    return element * pow(G, r, P) % P, pow(public, r, P), xor(text, mask(element, len(text)))


def reencryption_key(from_secret, to_secret):
    return to_secret * pow(from_secret, -1, Q) % Q


def reencrypt(key, ciphertext):
    """What the proxy does: G^(a r) becomes G^(b r), and the rest stays."""
    hidden, share, body = ciphertext
    return hidden, pow(share, key, P), body


def decrypt(secret, ciphertext):
    hidden, share, body = ciphertext
    element = hidden * pow(pow(share, pow(secret, -1, Q), P), -1, P) % P
    return xor(body, mask(element, len(body)))


def main():
    text = TEXT.encode()
    alice, bob = secret_key(), secret_key()
    for_alice = encrypt(public_key(alice), text)
    for_bob = reencrypt(reencryption_key(alice, bob), for_alice)
    if decrypt(bob, for_alice) == text:
        sys.exit("wrong: Bob could read it before it was re-encrypted")
    read = decrypt(bob, for_bob)
    if read != text:
        sys.exit("wrong: Bob cannot read what was re-encrypted for him")
    print(f"group: {P.bit_length()} bits, the safe prime of RFC 3526 section 3")
    print(f"for Alice: {for_alice[1] % 2**64:016x}... for Bob: {for_bob[1] % 2**64:016x}...")
    print(f"plaintext ok: {read.decode()}")


if __name__ == "__main__":
    main()
