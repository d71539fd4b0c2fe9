"""Paillier encryption in batches (Paillier: Public-Key Cryptosystems Based on Composite Degree Residuosity Classes).

For a modulus n of two large primes a plaintext is m mod n, read as signed, and its ciphertext (1 + n)ᵐ rⁿ mod n² with
an rⁿ of its own. Products of ciphertexts encrypt sums, powers encrypt multiples.

============================  =========================================================================================
:mod:`.public`                keys that encrypt, and arithmetic on :class:`~.ciphertexts.Ciphertexts`
:mod:`.proof`                 :class:`~.proof.ProvenKey`: the only key that rerandomises, hence the only way back to the
                              key's holder
:mod:`.fixed_base`            cheap randomness, for receivers without the key
:mod:`.pool`                  randomness made in advance, on disk
:mod:`.slots`                 many signed totals in one plaintext
:mod:`.private`               keys that decrypt; never in a zone
============================  =========================================================================================
"""
