"""What an error of ccxt means, by the errors that the real ccxt raises for a venue's answers."""

import json
import socket
from functools import cache
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import assume, given
from hypothesis import strategies as st

from alphaforge.errors import OutcomeUnknownError, VenueError, VenueUnavailableError
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_errors import read_error
from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_profiles import LOCAL, NOT_FOUND, PROFILES, UNSUPPORTED, profile_of

OURS = {LOCAL, UNSUPPORTED, NOT_FOUND}

URLS = {
    "binance": "https://api.binance.com/api/v3/order",
    "binanceusdm": "https://fapi.binance.com/fapi/v1/order",
    "binancecoinm": "https://dapi.binance.com/dapi/v1/order",
    "bybit": "https://api.bybit.com/v5/order/create",
    "okx": "https://www.okx.com/api/v5/trade/order",
}

# What the venue writes where one code means several things.
WORDS = {
    "-2010 DUPLICATE": "Duplicate order sent.",
    "-2010 BALANCE": "Account has insufficient balance for requested action.",
    "-2010 WOULD-TAKE": "Order would immediately match and take.",
    "-2010 WOULD-TRIGGER": "Stop price would trigger immediately.",
    "-2010 MARKET-CLOSED": "Market is closed.",
    "-2010 NOT-PERMITTED": "This symbol is not permitted for this account.",
    "-2010 TOO-MANY": "Too many new orders; filter failure: MAX_NUM_ORDERS",
    "-2011 UNKNOWN": "Unknown order sent.",
    "-1013 MARKET-CLOSED": "Market is closed.",
    "-1013": "Filter failure: LOT_SIZE",
}


def body_of(ccxt_id: str, code: str, words: str = "") -> str:
    """An answer that says this code where the venue writes it."""
    said = words or WORDS.get(code, "no")
    bare = code.split(maxsplit=1)[0] if code.startswith("-") else code
    bodies: dict[str, object] = {
        "bybit": {"retCode": int(bare) if bare.isdigit() else 1, "retMsg": said, "result": {}},
        "okx": {"code": "1", "data": [{"ordId": "", "sCode": bare, "sMsg": said}], "msg": ""},
        "coinbase": {"success": False, "error_response": {"error": bare, "message": said}},
        "kraken": {"error": [bare]},
        "krakenfutures": {"result": "error", "error": bare},
        "bitget": {"code": bare, "msg": said},
        "gate": {"label": bare, "message": said},
        "kucoin": {"code": bare, "msg": said},
        "deribit": {"error": {"code": int(bare) if bare.isdigit() else 1, "message": said}},
    }
    binance = {"code": int(bare) if bare.startswith("-") else 0, "msg": said}
    return json.dumps(bodies.get(ccxt_id, binance))


@cache
def client_of(ccxt_id: str) -> Any:
    """A client of ccxt, which these tests do not change."""
    return load_exchange(ccxt_id)()


def raised(ccxt_id: str, status: int, body: str) -> BaseException:
    """What the real ccxt raises for an answer."""
    client = client_of(ccxt_id)
    url = URLS.get(ccxt_id, "https://venue.example/order")
    response = client.parse_json(body)
    reason = HTTPStatus(status).phrase
    try:
        client.handle_errors(status, reason, url, "POST", {}, body, response, {}, "")
        client.handle_http_status_code(status, reason, url, "POST", body)
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked at
        return error
    pytest.fail(f"ccxt took this for a good answer: {body}")


def read(ccxt_id: str, status: int, body: str, headers: dict[str, str] | None = None) -> VenueError:
    """What we make of an answer."""
    return read_error(
        raised(ccxt_id, status, body),
        status=status,
        headers=headers or {},
        sent=True,
        profile=profile_of(ccxt_id),
        body=body,
    )


def codes(field: str) -> list[tuple[str, str]]:
    """Every code of an allow-list, with its venue."""
    return [
        (ccxt_id, code)
        for ccxt_id, profile in PROFILES.items()
        for code in sorted(getattr(profile.capabilities, field))
        if code not in OURS and not code.startswith("HTTP-") and ccxt_id != "hyperliquid"
    ]


class TestAllowLists:
    @pytest.mark.parametrize(
        ("ccxt_id", "code"),
        sorted(
            {
                each
                for field in ("refusals", "request_refusals", "unknown_order", "duplicates")
                for each in codes(field)
            }
        ),
    )
    def test_a_code_of_a_list_is_read_out_of_what_ccxt_raises(
        self, ccxt_id: str, code: str
    ) -> None:
        status = 200 if ccxt_id in {"bybit", "okx", "kraken", "kucoin"} else 400
        found = read(ccxt_id, status, body_of(ccxt_id, code))
        assert isinstance(found, ReplyError)
        assert found.reply == code

    @pytest.mark.parametrize(
        ("ccxt_id", "code"),
        sorted({each for field in ("refusals", "unknown_order") for each in codes(field)}),
    )
    def test_what_is_read_without_the_body_proves_no_other_thing(
        self, ccxt_id: str, code: str
    ) -> None:
        error = raised(ccxt_id, 400, body_of(ccxt_id, code))
        found = read_error(error, status=400, headers={}, sent=True, profile=profile_of(ccxt_id))
        does = profile_of(ccxt_id).capabilities
        if isinstance(found, ReplyError):
            assert (found.reply in does.refusals) is (code in does.refusals)
            assert (found.reply in does.unknown_order) is (code in does.unknown_order)
        else:
            assert isinstance(found, OutcomeUnknownError)

    @pytest.mark.parametrize(
        ("ccxt_id", "code"),
        [(ccxt_id, code) for ccxt_id in URLS for code in sorted(profile_of(ccxt_id).unknown_codes)],
    )
    def test_a_fault_inside_the_venue_leaves_the_outcome_open(
        self, ccxt_id: str, code: str
    ) -> None:
        found = read(ccxt_id, 200, body_of(ccxt_id, code))
        assert isinstance(found, OutcomeUnknownError)

    @pytest.mark.parametrize("ccxt_id", ["binance", "binanceusdm", "bybit", "okx"])
    @given(code=st.integers(1, 999_999))
    def test_a_code_nobody_listed_proves_nothing(self, ccxt_id: str, code: int) -> None:
        does = profile_of(ccxt_id).capabilities
        proving = does.refusals | does.unknown_order | does.duplicates | does.request_refusals
        written = f"-{code}" if ccxt_id.startswith("binance") else str(code)
        assume(written not in {each.split()[0] for each in proving})
        assume(written not in {"0", "200", "200000"})  # which mean that all is well somewhere
        found = read_error(
            Exception(body_of(ccxt_id, written, "said")),
            status=400,
            headers={},
            sent=True,
            profile=profile_of(ccxt_id),
        )
        assert getattr(found, "reply", written) == written


class TestTrapsOfCcxt:
    def test_a_duplicate_that_ccxt_calls_an_invalid_order_proves_that_it_is_there(self) -> None:
        error = raised("binance", 400, body_of("binance", "-2010 DUPLICATE"))
        assert type(error).__name__ == "InvalidOrder"
        found = read("binance", 400, body_of("binance", "-2010 DUPLICATE"))
        assert isinstance(found, ReplyError)
        assert found.reply in profile_of("binance").capabilities.duplicates

    def test_other_words_for_a_rejected_order_prove_nothing(self) -> None:
        found = read("binance", 400, body_of("binance", "-2010 NEW", "Client id seen before."))
        assert isinstance(found, ReplyError)
        does = profile_of("binance").capabilities
        assert found.reply not in does.refusals | does.duplicates

    def test_a_revoked_key_that_ccxt_calls_throttling_is_a_revoked_key(self) -> None:
        body = body_of("binance", "-2015", "Invalid API-key, IP, or permissions for action.")
        client = load_exchange("binance")()
        client.options["hasAlreadyAuthenticatedSuccessfully"] = True
        with pytest.raises(Exception, match="-2015") as caught:
            client.handle_errors(
                401, "", URLS["binance"], "POST", {}, body, client.parse_json(body), {}, ""
            )
        assert type(caught.value).__name__ == "DDoSProtection"
        found = read_error(
            caught.value, status=401, headers={}, sent=True, profile=profile_of("binance")
        )
        assert isinstance(found, ReplyError)
        assert found.reply == "-2015"

    def test_a_request_outside_its_window_was_certainly_not_taken(self) -> None:
        words = "Timestamp for this request is outside of the recvWindow."
        error = raised("binance", 400, body_of("binance", "-1021", words))
        assert "NetworkError" in {each.__name__ for each in type(error).__mro__}
        found = read("binance", 400, body_of("binance", "-1021", words))
        assert isinstance(found, ReplyError)
        assert found.reply in profile_of("binance").capabilities.refusals
        assert found.reply in profile_of("binance").capabilities.request_refusals

    @pytest.mark.parametrize(
        ("ccxt_id", "code"),
        [("okx", "51149"), ("bybit", "10000"), ("bybit", "10016"), ("bybit", "170032")],
    )
    def test_a_time_out_that_ccxt_calls_a_rejection_leaves_the_outcome_open(
        self, ccxt_id: str, code: str
    ) -> None:
        error = raised(ccxt_id, 200, body_of(ccxt_id, code))
        assert type(error).__name__ == "ExchangeError"
        assert isinstance(read(ccxt_id, 200, body_of(ccxt_id, code)), OutcomeUnknownError)

    @pytest.mark.parametrize("code", ["-1006", "-1007"])
    def test_no_answer_from_the_engine_leaves_the_outcome_open(self, code: str) -> None:
        assert isinstance(read("binance", 400, body_of("binance", code)), OutcomeUnknownError)

    def test_a_gateway_time_out_with_a_code_of_its_own_leaves_the_outcome_open(self) -> None:
        body = '{"code":-1,"msg":"gateway"}'
        assert type(raised("binance", 504, body)).__name__ == "ExchangeError"
        assert isinstance(read("binance", 504, body), OutcomeUnknownError)

    @pytest.mark.parametrize("ccxt_id", ["binance", "bybit", "okx", "kraken"])
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_server_error_leaves_the_outcome_open_whatever_it_says(
        self, ccxt_id: str, status: int
    ) -> None:
        body = body_of(ccxt_id, "-2010 BALANCE" if ccxt_id == "binance" else "10001")
        assert isinstance(read(ccxt_id, status, body), OutcomeUnknownError)

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_a_page_of_html_is_nobodys_word(self, status: int) -> None:
        found = read("binance", status, "<html><body>Proxy says no</body></html>")
        assert isinstance(found, OutcomeUnknownError)
        assert "Proxy says no" in str(found)

    def test_a_spot_cancel_replace_that_half_failed_proves_nothing(self) -> None:
        found = read("binance", 409, body_of("binance", "-2021", "Order cancel-replace failed."))
        assert isinstance(found, ReplyError)
        assert found.reply not in profile_of("binance").capabilities.refusals

    def test_what_ccxt_cannot_parse_after_an_answer_leaves_the_outcome_open(self) -> None:
        found = read_error(
            KeyError("orderId"), status=200, headers={}, sent=True, profile=profile_of("binance")
        )
        assert isinstance(found, OutcomeUnknownError)

    def test_an_empty_list_where_bybit_has_no_code_is_no_such_order(self) -> None:
        found = read_error(
            named("OrderNotFound", "Order x was not found."),
            status=200,
            headers={},
            sent=True,
            profile=profile_of("bybit"),
        )
        assert isinstance(found, ReplyError)
        assert found.reply in profile_of("bybit").capabilities.unknown_order


class TestThrottling:
    @pytest.mark.parametrize("status", [418, 429])
    @pytest.mark.parametrize("ccxt_id", ["binance", "binanceusdm", "okx"])
    def test_it_is_nothing_done_with_the_time_to_wait(self, ccxt_id: str, status: int) -> None:
        found = read(ccxt_id, status, body_of(ccxt_id, "-1003"), {"Retry-After": "7"})
        assert isinstance(found, ReplyError)
        assert found.reply in profile_of(ccxt_id).capabilities.throttled
        assert found.retry_after_ns == 7_000_000_000

    def test_the_end_of_a_ban_is_read_against_the_venues_own_clock(self) -> None:
        words = "Way too many requests; IP banned until 1723104000000. Please use the websocket."
        date = {"Date": "Thu, 08 Aug 2024 07:58:20 GMT"}
        found = read("binance", 418, body_of("binance", "-1003", words), date)
        assert isinstance(found, ReplyError)
        assert found.retry_after_ns == 100_000_000_000

    @pytest.mark.parametrize("written", ["", "soon", "-5", "1e99", "99999999999999999999", "nan"])
    def test_a_time_to_wait_that_is_none_is_none(self, written: str) -> None:
        found = read("binance", 429, body_of("binance", "-1003"), {"Retry-After": written})
        assert isinstance(found, ReplyError)
        assert found.retry_after_ns == 0


def named(name: str, words: str) -> Exception:
    """An error of a class of this name: names are all that is known of ccxt's."""
    return type(name, (Exception,), {})(words)


def connector_error(cause: OSError) -> Exception:
    """What ccxt raises where no connection came about."""
    key = ConnectionKey("api.binance.com", 443, True, True, None, None, None)
    error = named("ExchangeNotAvailable", "binance GET https://api.binance.com")
    error.__cause__ = aiohttp.ClientConnectorError(key, cause)
    return error


class TestWhatNeverLeft:
    @pytest.mark.parametrize(
        "cause",
        [ConnectionRefusedError("refused"), socket.gaierror("no such name"), OSError("no route")],
    )
    def test_a_connection_that_never_was_carried_nothing(self, cause: OSError) -> None:
        found = read_error(
            connector_error(cause), status=None, headers={}, sent=False, profile=profile_of("okx")
        )
        assert isinstance(found, VenueUnavailableError)

    @pytest.mark.parametrize("name", ["ServerDisconnectedError", "ClientOSError"])
    def test_a_connection_that_was_cut_may_have_carried_it(self, name: str) -> None:
        error = named("ExchangeNotAvailable", "binance POST")
        error.__cause__ = named(name, "cut")
        found = read_error(error, status=None, headers={}, sent=True, profile=profile_of("binance"))
        assert isinstance(found, OutcomeUnknownError)

    def test_a_time_out_may_have_carried_it(self) -> None:
        error = named("RequestTimeout", "binance POST https://api.binance.com")
        found = read_error(error, status=None, headers={}, sent=True, profile=profile_of("binance"))
        assert isinstance(found, OutcomeUnknownError)

    def test_what_ccxt_itself_would_not_send_is_refused_for_sure(self) -> None:
        client = load_exchange("binance")()
        with pytest.raises(Exception, match="requires") as caught:
            client.create_order_request("BTC/USDT", None, "buy", "1")
        found = read_error(
            caught.value, status=None, headers={}, sent=False, profile=profile_of("binance")
        )
        assert isinstance(found, ReplyError)
        assert found.reply == LOCAL

    def test_an_error_before_anything_was_sent_means_nothing_happened(self) -> None:
        found = read_error(
            RuntimeError("stopped"), status=None, headers={}, sent=False, profile=profile_of("okx")
        )
        assert isinstance(found, VenueUnavailableError)

    @given(text=st.text(max_size=200), body=st.text(max_size=200), status=st.integers(100, 599))
    def test_any_error_is_read_as_one_of_three(self, text: str, body: str, status: int) -> None:
        found = read_error(
            ValueError(text),
            status=status,
            headers={},
            sent=True,
            profile=profile_of("bybit"),
            body=body,
        )
        assert isinstance(found, ReplyError | OutcomeUnknownError)


class TestSecrets:
    def test_no_key_and_no_signature_is_repeated(self) -> None:
        signature = "27e53dbc569d68a76a9b336974b331e3d128f0fbb7368c4aa81550e4e438126a"
        url = f"https://api.binance.com/api/v3/order?timestamp=1&signature={signature}"
        said = f'binance GET {url} {{"apiKey":"MyKey0123","sign":"abcdef","code":-1}}'
        found = read_error(
            Exception(f"{said} secret=hunter2 {signature}"),
            status=None,
            headers={},
            sent=True,
            profile=profile_of("binance"),
        )
        for hidden in (signature, "MyKey0123", "abcdef", "hunter2", "timestamp=1"):
            assert hidden not in str(found)
        assert "api.binance.com/api/v3/order" in str(found)

    def test_the_venues_words_are_kept(self) -> None:
        found = read("binance", 400, body_of("binance", "-2010 BALANCE"))
        assert "Account has insufficient balance for requested action." in str(found)
