import pytest

from fleet.api.address import Address, default_address, parse_address
from fleet.control.settings import ServerSettings, default_state_dir


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


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:",
        "localhost:80",
        "ftp://a",
        "http://",
        "http://a/b",
        "http://a:99999",
        "http://[::1",
    ],
)
def test_what_is_no_address_says_how_one_looks(text: str) -> None:
    with pytest.raises(ValueError, match="unix:"):
        parse_address(text)


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"HOME": "/home/a"}, "unix:/home/a/.local/state/flotilla/flotilla.sock"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "/s"}, "unix:/s/flotilla/flotilla.sock"),
        (
            {"HOME": "/home/a", "XDG_RUNTIME_DIR": "/run/user/1"},
            "unix:/home/a/.local/state/flotilla/flotilla.sock",
        ),
    ],
)
def test_a_server_is_looked_for_where_it_listens(environ: dict[str, str], address: str) -> None:
    assert default_address(environ) == address
    listening = ServerSettings(repo="x", state_dir=default_state_dir(environ))
    assert listening.address == address
    assert default_address(environ | {"FLOTILLA_SERVER": "https://f"}) == "https://f"
