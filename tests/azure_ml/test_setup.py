"""setup: the plan, the real thing, and repeating it."""


def test_setup_makes_everything_and_repeating_makes_nothing(command, azure, blobs):
    first = command("setup", "--verbose")

    assert first.status == 0, first.err
    print(first.out)
    again = command("setup", "--verbose")
    assert again.status == 0
    print(again.out)
    assert 0
