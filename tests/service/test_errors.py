"""What an error says is bounded, whatever its caller has sent."""

from service.errors import FAULTS_BYTES, TEXT_BYTES, InvalidRequest, Violation


def test_faults_for_which_there_is_no_room_are_counted() -> None:
    error = InvalidRequest([Violation(f"writes[{at:03}]", "required") for at in range(1000)])

    assert [fault.field for fault in error.violations] == [f"writes[{at:03}]" for at in range(FAULTS_BYTES // 19)]
    assert error.more == 937
    assert str(error).endswith("writes[062]: required; and 937 more")


def test_what_was_left_out_stays_counted_where_the_rest_is_said_anew() -> None:
    error = InvalidRequest([Violation("parents", "required")] * 1000)

    assert str(InvalidRequest(error.violations, error.more)) == str(error)


def test_of_a_long_name_the_start_is_told() -> None:
    long = Violation("context." + "\N{GRINNING FACE}" * 1_000_000, "x" * 1_000_000)

    [told] = InvalidRequest([long]).violations

    assert told == Violation("context." + "\N{GRINNING FACE}" * (TEXT_BYTES // 4 - 2), "x" * TEXT_BYTES)
