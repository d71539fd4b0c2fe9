"""Slots hold what they were made for and refuse the rest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.errors import InternalError, MalformedError
from miyun.paillier.slots import FAILURE_BITS, SlotLayout, noise_tail

KEY_BITS = 2048


@st.composite
def layouts(draw: st.DrawFn) -> SlotLayout:
    bits = draw(st.integers(2, 300))
    return SlotLayout(key_bits=KEY_BITS, bits=bits, slots=draw(st.integers(1, (KEY_BITS - 2) // bits)))


@st.composite
def filled(draw: st.DrawFn) -> tuple[SlotLayout, list[int]]:
    layout = draw(layouts())
    half = 1 << layout.bits - 1
    edges = st.sampled_from([-half, -half + 1, -1, 0, 1, half - 1])
    return layout, draw(st.lists(edges | st.integers(-half, half - 1), max_size=2 * layout.slots))


@given(filled())
def test_totals_come_back(case: tuple[SlotLayout, list[int]]) -> None:
    layout, values = case
    groups = [values[start : start + layout.slots] for start in range(0, len(values), layout.slots)]
    packed = [layout.pack(group) for group in groups]
    assert layout.unpack(packed, len(values)) == values


@given(filled(), filled())
def test_packed_totals_add_up_slot_by_slot(
    case: tuple[SlotLayout, list[int]], other: tuple[SlotLayout, list[int]]
) -> None:
    layout, values = case
    values = values[: layout.slots]
    quarter = 1 << layout.bits - 2
    left = [value % (2 * quarter) - quarter for value in values]
    right = [value % (2 * quarter) - quarter for value in reversed(values)]
    total = layout.pack(left) + layout.pack(right)
    expected = [a + b for a, b in zip(left, right, strict=True)]
    assert layout.unpack([total] if values else [], len(values)) == expected


@given(layouts())
def test_full_slots_stay_within_half_of_any_modulus(layout: SlotLayout) -> None:
    half = 1 << layout.bits - 1
    for value in (-half, half - 1):
        assert abs(layout.pack([value] * layout.slots)) <= (2 ** (KEY_BITS - 1) + 1 - 1) // 2


@pytest.mark.parametrize("values", [[8], [-9], [0, 0, 0, 8], [0] * 5])
def test_what_does_not_fit_is_not_packed(values: list[int]) -> None:
    with pytest.raises(InternalError):
        SlotLayout(key_bits=KEY_BITS, bits=4, slots=4).pack(values)


@pytest.mark.parametrize(
    ("packed", "totals"), [([16], 1), ([2**40], 4), ([-(2**17)], 4), ([0], 5), ([0, 0], 4), ([], 1)]
)
def test_other_plaintexts_are_refused(packed: list[int], totals: int) -> None:
    with pytest.raises(MalformedError):
        SlotLayout(key_bits=KEY_BITS, bits=4, slots=4).unpack(packed, totals)


@pytest.mark.parametrize(("bits", "slots"), [(1, 1), (8, 0), (8, 256), (2047, 1), (1023, 3)])
def test_layouts_have_room(bits: int, slots: int) -> None:
    with pytest.raises(InternalError):
        SlotLayout(key_bits=KEY_BITS, bits=bits, slots=slots)


@given(st.integers(0, 2**60), st.floats(0, 1e12), st.integers(1, 10**6))
def test_slots_have_room_for_sum_noise_and_sign(largest: int, scale: float, totals: int) -> None:
    layout = SlotLayout.sized(key_bits=3072, largest=largest, scale=scale, totals=totals)
    reach = largest + noise_tail(scale, totals)
    assert layout.pack([reach, -reach]) == reach - (reach << layout.bits)
    assert layout.bits == 2 or 2 ** (layout.bits - 2) <= reach
    assert (layout.slots + 1) * layout.bits > 3070
    assert layout.ciphertexts(totals) == math.ceil(totals / layout.slots)


@pytest.mark.parametrize("totals", [1, 1000, 10**6])
def test_the_tail_fails_with_the_stated_probability(totals: int) -> None:
    scale = 1e6
    tail = noise_tail(scale, totals)
    logarithm = math.log2(2 * totals) - tail**2 / (2 * scale**2) / math.log(2)
    assert -FAILURE_BITS - 0.01 < logarithm <= -FAILURE_BITS


def test_a_slot_wider_than_a_plaintext_is_refused() -> None:
    with pytest.raises(InternalError):
        SlotLayout.sized(key_bits=2048, largest=2**2048)
