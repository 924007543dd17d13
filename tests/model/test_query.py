"""The search tree: simplifying never changes what it means."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.flags import DELETED, FLAGGED, SEEN
from verbena.model.query import (
    EVERYTHING,
    NOTHING,
    Among,
    And,
    BodyHas,
    DateField,
    DateIs,
    DateTest,
    HasFlag,
    HeaderHas,
    IsRecent,
    Leaf,
    Not,
    Or,
    Query,
    SizeAbove,
    TextHas,
    cost,
    in_columns,
    leaves,
    replace_leaves,
    simplify,
)
from verbena.model.uidset import EMPTY, number_set

A, B, C = HasFlag(SEEN), HasFlag(DELETED), HasFlag(FLAGGED)
BODY = BodyHas("x")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (A, A),
        (And(()), EVERYTHING),
        (Or(()), NOTHING),
        (Not(And(())), NOTHING),
        (Not(Not(A)), A),
        (And((A, And((B, C)))), And((A, B, C))),
        (Or((A, Or((B, A)))), Or((A, B))),
        (And((A, EVERYTHING, A)), A),
        (And((A, NOTHING)), NOTHING),
        (Or((A, EVERYTHING)), EVERYTHING),
        (And((A, Not(A))), NOTHING),
        (Or((A, Not(A))), EVERYTHING),
        (Not(And((A, B))), Or((Not(A), Not(B)))),
        (Not(Or((A, Not(B)))), And((Not(A), B))),
        (And((BODY, A)), And((A, BODY))),
        (Among(EMPTY), NOTHING),
        (Not(Among(EMPTY)), EVERYTHING),
        (BodyHas(""), EVERYTHING),
        (Not(TextHas("")), NOTHING),
        (HeaderHas("x", ""), HeaderHas("x", "")),
    ],
)
def test_simplify(query: Query, wanted: Query) -> None:
    assert simplify(query) == wanted


def test_cost() -> None:
    assert in_columns(And((A, SizeAbove(1), Among(EMPTY))))
    assert not in_columns(Or((A, BODY)))
    assert in_columns(DateIs(DateField.INTERNAL, DateTest.ON, date(2000, 1, 1)))
    assert not in_columns(DateIs(DateField.SENT, DateTest.ON, date(2000, 1, 1)))
    assert cost(Not(BODY)) == 4


def test_leaves_are_replaced() -> None:
    def replace(leaf: Leaf) -> Query:
        return Among(number_set([7])) if isinstance(leaf, IsRecent) else leaf

    query = And((Or((IsRecent(), A)), Not(IsRecent())))
    replaced = replace_leaves(query, replace)
    assert list(leaves(replaced)) == [Among(number_set([7])), A, Among(number_set([7]))]


TREES: st.SearchStrategy[Query] = st.recursive(
    st.sampled_from([A, B, C, Among(EMPTY), BodyHas("")]),
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts)))
    ),
    max_leaves=12,
)


def value(query: Query, flags: int) -> bool:
    match query:
        case And():
            return all(value(part, flags) for part in query.parts)
        case Or():
            return any(value(part, flags) for part in query.parts)
        case Not():
            return not value(query.part, flags)
        case HasFlag():
            return bool(flags >> (A, B, C).index(query) & 1)
        case BodyHas():
            return True
        case _:
            return False


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_simplified_means_the_same(query: Query) -> None:
    simple = simplify(query)
    for flags in range(8):
        assert value(simple, flags) == value(query, flags)
    assert simplify(simple) == simple
