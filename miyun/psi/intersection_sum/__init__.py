"""Intersection-sum with cardinality, between two parties: neither the zone nor either party sees a match.

The DDH-based protocol of Ion, Kreuter, Nergiz, Patel, Raykova, Saxena, Seth, Shanahan, Yung (On Deploying Secure
Computing: Private Intersection-Sum-with-Cardinality, EuroS&P 2020, ePrint 2019/723), with what its users need beside.
The *matcher* has rows and a scalar m; the *holder* has rows with numbers, a scalar h and a Paillier key. H is a random
oracle into ristretto255, labelled by the signed request.

1. ``points``: the matcher sends m·H(x) of its rows, ascending.
2. ``answers``: the holder sends h·(m·H(x)), ascending.
3. ``rows``: the holder sends h·H(y) of its rows, ascending, each with the encryption of its numbers. The matcher
   multiplies them by m, and takes those among the answers.
4. ``totals``: the matcher multiplies the ciphertexts of these, adds noise, covers what is above the slots, and returns
   one rerandomised ciphertext. The holder decrypts noised totals.

Without columns it ends after the third step, without Paillier: the size alone, for the matcher (De Cristofaro, Gasti,
Tsudik, CANS 2012).

====================  =================================================================================================
the matcher learns    the padded number of the holder's rows, and the size with the noise of :mod:`.dummies`, or
                      exactly where that is granted
the holder learns     the padded number of the matcher's rows, and for each column a sum and a number of values, with
                      the noise of :mod:`.totals`; the numbers exactly where that is granted
the zone learns       both padded numbers and the request: all else is sealed to the receiver and signed by the sender
====================  =================================================================================================

**Security** against parties that follow the protocol, in the random oracle model. *The matcher's view* is simulated
from both numbers of points and the number s of answers that match (C + D, see :mod:`.dummies`): draw distinct uniform
elements for the answers; for the rows, s of them divided by m and else uniform elements; encryptions of 0; all sorted.
By DDH in ristretto255 h·H(·) of distinct values, dummies and multiples of m·H(·) can't be told from uniform elements;
by decisional composite residuosity, with the short exponents of :mod:`miyun.paillier.fixed_base` if the holder uses
them, the ciphertexts can't either. *The holder's view* is simulated from the number of points and the noised totals:
uniform elements, and a fresh encryption of totals + u · 2ᴸ, because the key is proven and the ciphertext rerandomised.
So what each learns is a function of the noised values above, and their differential privacy holds against every
efficient party.

**Collusion.** The zone has nothing that opens or compares a point. With either party in one hand it sees what that
party sees.

**Parties that cheat.** Each can bring rows that it does not have, up to the contract's cap; noise is then what limits
what it learns. A matcher can leave its dummies out, and learns the size exactly. A holder can encrypt numbers out of
range, and learns at most the L bits that :mod:`.totals` states. Either can spoil the result. Malformed, repeated,
reordered and forged messages, a key that is not proven, and points that are none are refused.

Modules: :mod:`.statements`, :mod:`.context` (labels), :mod:`.checks`, :mod:`.dummies`, :mod:`.points`, :mod:`.totals`,
:mod:`.schedule` (which chunks there are), :mod:`.exchange` (whose turn it is), :mod:`.matcher`, :mod:`.holder`.
"""
