"""Files of many orders as the lines of a batch."""

import json
from pathlib import Path
from typing import Any

import pytest

from hardware_orders import order_files
from hardware_orders.errors import WrongSettingError


def of_csv(folder: Path, text: str) -> list[Any]:
    file = folder / "orders.csv"
    file.write_text(text, encoding="utf-8")
    return [json.loads(line) for line in order_files.lines(file)]


def test_a_csv_column_is_a_field_and_an_empty_cell_is_none(tmp_path: Path) -> None:
    head = "\ufefforderReference,simplified,merchant.pois[0].devicePackage.quantity,merchant.pois[1].name,merchant.mcc"
    head = head.replace("merchant.pois[1].name", "merchant.pois[1].devicePackage.quantity")
    assert of_csv(tmp_path, f"{head}\n007,TRUE,2,three,\n") == [
        {
            "orderReference": "007",
            "simplified": True,
            "merchant": {"pois": [{"devicePackage": {"quantity": 2}}, {"devicePackage": {"quantity": "three"}}]},
        }
    ]


def test_every_column_of_the_template_is_taken(tmp_path: Path) -> None:
    names = list(order_files.columns())
    (line,) = of_csv(tmp_path, ",".join(names) + "\n" + ",".join(["x"] * len(names)) + "\n")
    assert line["merchant"]["pois"][0]["devicePackage"]
    assert {"orderReference", "saveDraft", "merchant.pois[0].devicePackage.quantity"} <= set(names)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("orderReference,colour\nR,red\n", "no field of an order: see `hardware-orders csv-template`"),
        ("merchant.pois[1000].devicePackage.quantity\n1\n", "index is not from 0 to 999"),
        ("orderReference\nR,more\n", "line 2 has more cells"),
        ('orderReference\n"R\n', "must be CSV in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_orders_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(WrongSettingError) as refused:
        of_csv(tmp_path, text)
    assert sentence in str(refused.value)


def test_ndjson_is_sent_to_the_letter(tmp_path: Path) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_bytes(b'{ "a":1}\r\n\nx')
    assert b"".join(order_files.lines(file)) == file.read_bytes()
