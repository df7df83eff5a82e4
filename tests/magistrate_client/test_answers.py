"""An answer reads the same in every process."""

from magistrate.v1.authorization_pb2 import EFFECT_DENY, CheckResponse, Obligation
from magistrate.v1.types_pb2 import Value

from magistrate_client.answers import read_decision


def test_the_parameters_of_an_obligation_stand_by_name() -> None:
    names = [f"parameter_{number:02}" for number in range(50)]
    parameters = {name: Value(bool_value=True) for name in reversed(names)}
    answer = CheckResponse(effect=EFFECT_DENY, obligations=[Obligation(type="act", parameters=parameters)])
    (obligation,) = read_decision(answer, "").obligations
    assert list(obligation.parameters) == names
