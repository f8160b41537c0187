import pytest

from fleet.api.address import Address, default_address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/f.sock", Address(scheme="unix", path="/run/f.sock")),
        ("unix:///run/f.sock", Address(scheme="unix", path="/run/f.sock")),
        ("http://127.0.0.1:8080", Address(scheme="http", host="127.0.0.1", port=8080)),
        ("https://fleet.example.com/", Address(scheme="https", host="fleet.example.com")),
        ("https://[::1]:8443", Address(scheme="https", host="::1", port=8443)),
    ],
)
def test_an_address_is_taken_apart(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "unix:", "localhost:80", "ftp://a", "http://", "http://a/b"])
def test_what_is_no_address_says_how_one_looks(text: str) -> None:
    with pytest.raises(ValueError, match="unix:"):
        parse_address(text)


def test_the_default_goes_from_what_was_said_to_what_is_usual() -> None:
    home = {"HOME": "/home/a"}
    runtime = home | {"XDG_RUNTIME_DIR": "/run/user/1"}

    assert default_address(runtime | {"FLOTILLA_SERVER": "https://f"}) == "https://f"
    assert default_address(runtime) == "unix:/run/user/1/flotilla.sock"
    assert default_address(home) == "unix:/home/a/.local/state/flotilla/flotilla.sock"
    assert default_address({"XDG_STATE_HOME": "/s"}) == "unix:/s/flotilla/flotilla.sock"
