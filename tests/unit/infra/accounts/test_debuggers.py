"""A zone's process is closed to debuggers of its own account, or it does not start."""

from __future__ import annotations

import ctypes
from unittest.mock import Mock

import pytest

from infra.accounts import serving
from infra.accounts.layout import AccountsError


@pytest.mark.parametrize("answer", [0, -1])
def test_a_process_that_the_kernel_does_not_close_does_not_start(answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the call answers is heeded."""
    library = Mock()
    library.prctl.return_value = answer
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    if answer == 0:
        serving._close_to_debuggers()
    else:
        with pytest.raises(AccountsError, match="debuggers"):
            serving._close_to_debuggers()
    library.prctl.assert_called_once_with(serving.NOT_DUMPABLE, 0, 0, 0, 0)
