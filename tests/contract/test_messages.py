from pydantic_core import ErrorDetails

from hardware_orders.contract.messages import code_and_predicate


def test_a_finding_without_a_sentence_of_its_own_is_still_answered() -> None:
    fault = ErrorDetails(type="new_in_a_later_pydantic", loc=("notes",), msg="echoes: secret", input="secret")
    code, predicate = code_and_predicate(fault)
    assert code == "invalid"
    assert predicate == "is not what the contract allows; compare it with the published schema"
