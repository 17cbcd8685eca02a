"""Keys: which place wins, which is refused, and that none ever shows itself."""

import json
import os
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import CredentialsError, NotFoundError
from alphaforge.services.credentials import Credentials, read_credentials
from alphaforge.services.secret_keyring import SystemKeyring, open_keyring
from alphaforge.services.secret_variables import variable_name
from alphaforge.services.secrets import Place, Secrets, credentials_of

KEY = Credentials("AK-0123456789-wxyz", "hunter2-hunter2")
OTHER = Credentials("AK-other-other-1111", "swordfish")
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80)
KEYS = st.builds(Credentials, TEXT, TEXT, st.just("") | TEXT, st.just("") | TEXT)
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=12).filter(lambda name: name[0] not in "_-")


class KeyringError(Exception):
    pass


class NoKeyringError(KeyringError, RuntimeError):
    pass


class FakeKeyring:
    """The package's three functions over a dict."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def get_password(self, service: str, name: str) -> str | None:
        self._fail()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self._fail()
        self.kept[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        self._fail()
        del self.kept[service, name]


def opened(fake: FakeKeyring) -> SystemKeyring | None:
    modules = {
        "keyring": fake,
        "keyring.errors": SimpleNamespace(KeyringError=KeyringError, NoKeyringError=NoKeyringError),
    }
    return open_keyring(modules.__getitem__)


def no_package(name: str) -> object:
    raise ImportError(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("alphaforge.services.secrets.open_keyring", lambda: None)
    return tmp_path


@pytest.fixture
def file(home: Path) -> Path:
    return home / "alphaforge" / "secrets.toml"


def secrets(home: Path, keyring: SystemKeyring | None = None, **variables: str) -> Secrets:
    return Secrets({"XDG_CONFIG_HOME": str(home), **variables}, keyring)


def in_variables(key: Credentials, venue: str = "binance", account: str = "main") -> dict[str, str]:
    return {variable_name(venue, account, name): text for name, text in key.fields().items()}


def test_a_key_never_shows_itself() -> None:
    texts = [repr(KEY), str(KEY), f"{KEY}", str([KEY]), str({"key": KEY})]
    assert all("wxyz" in text for text in texts)
    assert not any("0123456789" in text or "hunter2" in text for text in texts)


def test_a_short_key_shows_nothing_at_all() -> None:
    assert repr(Credentials("short", "secret")) == "<a key …>"


@pytest.mark.parametrize(
    ("venue", "account", "name"),
    [
        ("binance", "main", "ALPHAFORGE_KEY__BINANCE__API_KEY"),
        ("binance_test", "main", "ALPHAFORGE_KEY__BINANCE_TEST__API_KEY"),
        ("my--venue", "sub-1", "ALPHAFORGE_KEY__MY_VENUE__SUB_1__API_KEY"),
    ],
)
def test_the_variable_of_an_account_is_as_documented(venue: str, account: str, name: str) -> None:
    assert variable_name(venue, account, "api_key") == name


@given(NAMES, NAMES)
def test_a_name_never_breaks_a_variable_apart(venue: str, account: str) -> None:
    name = variable_name(venue, account, "secret")
    assert len(name.split("__")) == (3 if account == "main" else 4)


def test_the_environment_beats_the_keyring_and_the_keyring_the_file(home: Path) -> None:
    keyring = opened(FakeKeyring())
    third = Credentials("AK-third-third-2222", "x")
    secrets(home).keep("binance", "main", KEY, Place.FILE)
    assert secrets(home, keyring).find("binance", "main") == KEY
    secrets(home, keyring).keep("binance", "main", OTHER, Place.KEYRING)
    assert secrets(home, keyring).find("binance", "main") == OTHER
    everything = secrets(home, keyring, **in_variables(third))
    assert everything.find("binance", "main") == third
    listed = [*everything.keys(["binance"])]
    assert [(each.place, each.ending, each.is_used) for each in listed] == [
        (Place.ENVIRONMENT, "…2222", True),
        (Place.KEYRING, "…1111", False),
        (Place.FILE, "…wxyz", False),
    ]


def test_an_account_never_gets_the_key_of_another(home: Path) -> None:
    variables = in_variables(KEY, "binance") | in_variables(OTHER, "binance", "sub")
    found = secrets(home, **variables)
    assert found.find("binance", "main") == KEY
    assert found.find("binance", "sub") == OTHER
    assert found.find("binance", "third") is None
    assert found.find("binance_test", "main") is None


@pytest.mark.parametrize("missing", ["API_KEY", "SECRET"])
def test_half_a_key_is_refused_by_the_name_of_the_missing_half(home: Path, missing: str) -> None:
    variables = in_variables(KEY)
    del variables[f"ALPHAFORGE_KEY__BINANCE__{missing}"]
    secrets(home).keep("binance", "main", OTHER, Place.FILE)
    with pytest.raises(CredentialsError) as caught:
        secrets(home, **variables).find("binance", "main")
    assert f"ALPHAFORGE_KEY__BINANCE__{missing} is not" in caught.value.message
    assert "hunter2" not in str(caught.value) + caught.value.remedy


def test_without_a_key_the_error_says_how_to_set_one(home: Path) -> None:
    with pytest.raises(CredentialsError, match="no key for kraken, account sub") as caught:
        credentials_of("kraken", "sub", secrets(home))
    assert "alphaforge keys set kraken --account sub" in caught.value.remedy
    assert "ALPHAFORGE_KEY__KRAKEN__SUB__API_KEY" in caught.value.remedy
    assert caught.value.exit_code == 4


@given(key=KEYS, other=KEYS, venue=NAMES, account=NAMES, second=st.tuples(NAMES, NAMES))
def test_what_is_kept_is_found_again_and_nothing_else_changes(
    tmp_path_factory: pytest.TempPathFactory, key, other, venue, account, second
) -> None:
    home = tmp_path_factory.mktemp("home")
    for place in (Place.FILE, Place.KEYRING):
        kept = Secrets({"XDG_CONFIG_HOME": str(home)}, opened(FakeKeyring()))
        kept.keep(*second, other, place)
        kept.keep(venue, account, key, place)
        assert kept.find(venue, account) == key
        if second != (venue, account):
            assert kept.find(*second) == other
            kept.remove(venue, account)
            assert kept.find(venue, account) is None
            assert kept.find(*second) == other


def test_the_file_is_for_its_owner_only_and_replaced_whole(home: Path, file: Path) -> None:
    secrets(home).keep("binance", "main", KEY, None)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    assert tomllib.loads(file.read_text())["binance"]["main"] == KEY.fields()
    assert [each.name for each in file.parent.iterdir()] == ["secrets.toml"]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o644, 0o666])
def test_a_file_that_others_can_read_is_refused(home: Path, file: Path, mode: int) -> None:
    secrets(home).keep("binance", "main", KEY, Place.FILE)
    file.chmod(mode)
    with pytest.raises(CredentialsError, match=f"{mode:04o}") as caught:
        secrets(home).find("binance", "main")
    assert "chmod 600" in caught.value.remedy


def test_a_link_is_refused(home: Path, file: Path) -> None:
    secrets(home).keep("binance", "main", KEY, Place.FILE)
    file.rename(home / "elsewhere.toml")
    file.symlink_to(home / "elsewhere.toml")
    with pytest.raises(CredentialsError, match="it is a link"):
        secrets(home).find("binance", "main")


def test_a_second_name_of_the_file_is_refused(home: Path, file: Path) -> None:
    secrets(home).keep("binance", "main", KEY, Place.FILE)
    os.link(file, home / "second.toml")
    with pytest.raises(CredentialsError, match="second name"):
        secrets(home).find("binance", "main")


@pytest.mark.parametrize("kind", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_at_once(home: Path, file: Path, kind) -> None:
    file.parent.mkdir()
    kind(file, 0o600)
    with pytest.raises(CredentialsError):
        secrets(home).find("binance", "main")


def test_another_users_file_is_refused(
    home: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets(home).keep("binance", "main", KEY, Place.FILE)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(CredentialsError, match="another user"):
        secrets(home).find("binance", "main")


def test_a_folder_that_others_can_write_into_keeps_no_key(home: Path, file: Path) -> None:
    file.parent.mkdir()
    file.parent.chmod(0o777)
    with pytest.raises(CredentialsError, match="others can write"):
        secrets(home).keep("binance", "main", KEY, Place.FILE)
    assert not file.exists()


@pytest.mark.parametrize(
    "content",
    [
        'binance = "hunter2"',
        '[binance]\nmain = "hunter2"',
        "[binance.main]\napi_key = hunter2",
        '[binance.main]\napi_key = "hunter2"',
        '[binance.main]\napi_key = 5\nsecret = "hunter2"',
        '[binance.main]\napi_key = "a b c"\nsecret = "hunter2\\u0007"',
        '[binance.main]\napi_key = "hunter2"\nsecret = "hunter2"\nsecert = "hunter2"',
        "\x00hunter2",
    ],
)
def test_a_damaged_file_is_told_without_a_word_of_it(home: Path, file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(CredentialsError) as caught:
        secrets(home).find("binance", "main")
    assert "hunter2" not in str(caught.value) + caught.value.remedy
    assert caught.value.__cause__ is None


@given(
    st.dictionaries(
        st.sampled_from(["api_key", "secret", "password", "x"]), st.text() | st.integers()
    )
)
def test_no_fields_break_the_reader_and_none_is_repeated(fields: dict[str, object]) -> None:
    marked = {
        name: value if isinstance(value, int) else f"hunter2{value}\t"
        for name, value in fields.items()
    }
    told = ""
    try:
        read_credentials(marked, "here")
    except CredentialsError as error:
        told = f"{error} {error.remedy}"
    assert "hunter2" not in told
    is_short = not {"api_key", "secret"} <= marked.keys()
    is_wrong = "x" in marked or any(isinstance(value, int) for value in marked.values())
    if is_short or is_wrong:
        assert told


def test_a_private_key_keeps_its_lines(home: Path) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----"
    key = Credentials("organizations/1/apiKeys/2", pem)
    secrets(home).keep("coinbase", "main", key, Place.FILE)
    assert secrets(home).find("coinbase", "main") == key


def test_without_the_package_or_a_keyring_of_the_system_it_is_skipped() -> None:
    assert open_keyring(no_package) is None
    fake = FakeKeyring()
    fake.failure = NoKeyringError("none")
    assert opened(fake) is None


def test_a_locked_keyring_is_an_error_and_no_weaker_place_is_asked(home: Path) -> None:
    fake = FakeKeyring()
    secrets(home).keep("binance", "main", OTHER, Place.FILE)
    fake.failure = KeyringError("locked")
    with pytest.raises(CredentialsError, match="keyring can not be used") as caught:
        secrets(home, opened(fake)).find("binance", "main")
    assert caught.value.remedy


def test_a_keyring_entry_of_another_program_is_told_and_not_shown(home: Path) -> None:
    fake = FakeKeyring()
    fake.kept["alphaforge", "binance/main"] = "hunter2"
    with pytest.raises(CredentialsError) as caught:
        secrets(home, opened(fake)).find("binance", "main")
    assert "hunter2" not in str(caught.value)


def test_a_key_goes_where_it_is_told_to_and_to_the_keyring_if_not(home: Path, file: Path) -> None:
    fake = FakeKeyring()
    kept = secrets(home, opened(fake))
    assert kept.keep("binance", "main", KEY, None) == "system keyring"
    assert json.loads(fake.kept["alphaforge", "binance/main"]) == KEY.fields()
    assert not file.exists()
    assert kept.keep("binance", "main", KEY, Place.FILE) == f"file {file}"
    with pytest.raises(CredentialsError, match="no system keyring") as caught:
        secrets(home).keep("binance", "main", KEY, Place.KEYRING)
    assert "--file" in caught.value.remedy


def test_removing_takes_it_out_of_keyring_and_file(home: Path) -> None:
    kept = secrets(home, opened(FakeKeyring()))
    kept.keep("binance", "main", KEY, Place.KEYRING)
    kept.keep("binance", "main", KEY, Place.FILE)
    assert kept.remove("binance", "main") == [Place.KEYRING, Place.FILE]
    assert [*kept.keys([])] == []
    with pytest.raises(NotFoundError):
        kept.remove("binance", "main")


def test_a_variable_is_not_ours_to_remove(home: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        secrets(home, **in_variables(KEY)).remove("binance", "main")
    assert caught.value.remedy == "unset ALPHAFORGE_KEY__BINANCE__API_KEY"


def test_variables_are_listed_under_the_names_of_the_settings(home: Path) -> None:
    variables = in_variables(KEY, "My-Venue", "sub") | in_variables(OTHER, "kraken")
    listed = [*secrets(home, **variables).keys(["My-Venue"])]
    assert [each[:2] for each in listed] == [("My-Venue", "sub"), ("kraken", "main")]
