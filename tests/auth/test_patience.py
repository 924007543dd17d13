"""How long nobody in particular is waited for."""

import pytest

from verbena.auth.patience import ROUNDS, Patience
from verbena.model.errors import LinkTimeout


@pytest.mark.rfc("4954 §9")
def test_silence_and_idle_talk_both_end() -> None:
    patience = Patience(60.0, 1000.0)
    assert patience.wait_s(1000.0) == 60.0
    assert patience.wait_s(1000.0 + ROUNDS * 60.0 - 10.0) == 10.0
    with pytest.raises(LinkTimeout):
        patience.wait_s(1000.0 + ROUNDS * 60.0)
