import os
import re
from pathlib import Path

import pytest

from hardware_orders.embedded import data_folder
from hardware_orders.errors import WrongSettingError


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with data_folder.held(tmp_path / "new" / "data") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_up_on_the_same_folder_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    with (
        data_folder.held(tmp_path),
        pytest.raises(WrongSettingError, match=rf"another `hardware-orders up` \(pid {os.getpid()}\)"),
        data_folder.held(tmp_path),
    ):
        pass


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with data_folder.held(tmp_path) as folder:
            assert (folder / "lock").read_text() == str(os.getpid())


def test_a_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with (
        pytest.raises(WrongSettingError, match=rf"{re.escape(str(file))} .*HARDWARE_ORDERS_DATA_DIR"),
        data_folder.held(file),
    ):
        pass


def test_a_folder_that_would_cut_the_databases_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongSettingError, match="question mark"), data_folder.held(tmp_path / "why?"):
        pass
    assert list(tmp_path.iterdir()) == []
