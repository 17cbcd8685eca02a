"""Bybit's private reads of an account: what the key may, money, fees, coins, positions.

One unified account (UTA 2.0), cross margin, one-way positions. Must never show one account what is
another's.
"""

from collections.abc import Sequence
from decimal import Decimal

from alphaforge.model.numbers import plain
from alphaforge.sandbox.dialects.bybit_asked import Asked, Gate, Json, listed
from alphaforge.sandbox.dialects.bybit_errors import (
    LEVERAGE_SAME,
    LEVERAGE_TOO_HIGH,
    PARAMS,
    BybitError,
)
from alphaforge.sandbox.dialects.bybit_names import category_of, market_id
from alphaforge.sandbox.dialects.bybit_orders import narrowed
from alphaforge.sandbox.dialects.bybit_wealth import Wealth
from alphaforge.sandbox.floor import Call, Route
from alphaforge.sandbox.terms import Listing, Refusal, RefusedError

_NO_EXPIRY = "1970-01-01T00:00:00Z"
_ONE_WAY = "0"


class AccountReads:
    """Answers for whoever asks."""

    def __init__(self, wealth: Wealth) -> None:
        self._wealth = wealth

    def routes(self, gate: Gate) -> Sequence[Route]:
        """What is asked where."""
        reads = (
            ("/v5/user/query-api", Call.OTHER, self.key),
            ("/v5/account/info", Call.OTHER, self.info),
            ("/v5/account/wallet-balance", Call.BALANCE, self.wallet),
            ("/v5/account/fee-rate", Call.OTHER, self.fees),
            ("/v5/asset/coin/query-info", Call.OTHER, self.coins),
            (
                "/v5/asset/transfer/query-account-coins-balance",
                Call.BALANCE,
                self.funding_wallet,
            ),
            ("/v5/position/list", Call.POSITIONS, self.positions),
        )
        acts = (
            ("/v5/position/set-leverage", self.set_leverage),
            ("/v5/position/switch-mode", self.switch_mode),
        )
        return [
            Route("GET", path, call, gate.reading(answer), is_private=True)
            for path, call, answer in reads
        ] + [
            Route("POST", path, Call.OTHER, gate.acting(answer), is_private=True)
            for path, answer in acts
        ]

    def key(self, asked: Asked) -> Json:
        """What the key may do."""
        key = asked.key
        trading = ["Order", "Position"] if key.can_trade else []
        return {
            "id": "1",
            "note": "alphaforge",
            "apiKey": key.key,
            "readOnly": 0 if key.can_trade else 1,
            "secret": "",
            "permissions": {
                "ContractTrade": trading,
                "Spot": ["SpotTrade"] if key.can_trade else [],
                "Wallet": ["AccountTransfer", *(["Withdraw"] if key.can_withdraw else [])],
                "Options": [],
                "Derivatives": ["DerivativesTrade"] if key.can_trade else [],
                "CopyTrading": [],
                "BlockTrade": [],
                "Exchange": [],
                "NFT": [],
                "Affiliate": [],
            },
            "ips": list(key.addresses) or ["*"],
            "type": 1,
            "deadlineDay": -2,
            "expiredAt": _NO_EXPIRY,
            "createdAt": _NO_EXPIRY,
            "unified": 0,
            "uta": 1,
            "userID": 1,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    def info(self, _asked: Asked) -> Json:
        """Unified account 2.0, cross margin."""
        return {
            "marginMode": "REGULAR_MARGIN",
            "updatedTime": "0",
            "unifiedMarginStatus": 5,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def wallet(self, asked: Asked) -> Json:
        """Every coin of the account, or those of `coin` (names with commas)."""
        if asked.needed("accountType") != "UNIFIED":
            raise BybitError(PARAMS, "accountType only support UNIFIED.")
        names = [each for each in asked.text("coin").split(",") if each]
        exchange = asked.floor.exchange
        return {"list": [self._wealth.wallet(exchange, asked.account, names)]}

    def funding_wallet(self, asked: Asked) -> Json:
        """Nothing lies there: all money is in the unified account."""
        return {"memberId": "1", "accountType": asked.needed("accountType"), "balance": []}

    def fees(self, asked: Asked) -> Json:
        """Maker and taker rates of every market of a category; of contracts if none is named."""
        category = asked.category if asked.text("category") else "linear"
        asked = asked.part({**asked.params, "category": category})
        rows: list[Json] = [
            {
                "symbol": market_id(each),
                "baseCoin": "",
                "takerFeeRate": plain(each.taker_fee),
                "makerFeeRate": plain(each.maker_fee),
            }
            for each in _markets(asked)
        ]
        return {"category": category, "list": rows}

    def coins(self, asked: Asked) -> Json:
        """Every coin a market names, on one chain that takes and gives nothing."""
        listings = asked.floor.exchange.listings.values()
        names = sorted({name for each in listings for name in (each.base, each.quote)})
        wanted = asked.text("coin")
        return {"rows": [_coin(name) for name in names if wanted in {"", name}]}

    def positions(self, asked: Asked) -> Json:
        """Of one market (flat or not), or the open ones of a settle coin."""
        if asked.category == "spot":
            raise BybitError(PARAMS, "params error: category invalid")
        exchange = asked.floor.exchange
        held = {each.symbol: each for each in exchange.positions(asked.account)}
        rows: list[Json] = []
        for listing in narrowed(asked):
            position = held.get(listing.symbol)
            is_open = position is not None and position.quantity != 0
            if asked.text("symbol") or is_open:
                rows.append(self._wealth.position(exchange, asked.account, listing, position))
        return listed(asked.category, rows)

    def set_leverage(self, asked: Asked) -> Json:
        """Of one contract, the same for both sides, up to its rules' most."""
        listing, exchange = asked.listing(), asked.floor.exchange
        wanted, other = _leverage(asked, "buyLeverage"), _leverage(asked, "sellLeverage")
        if wanted != other:
            raise BybitError(PARAMS, "params error: buy leverage and sell leverage must be equal")
        if wanted == exchange.leverage(asked.account, listing.symbol):
            raise BybitError(LEVERAGE_SAME, "leverage not modified")
        try:
            exchange.set_leverage(asked.account, listing.symbol, wanted, asked.now)
        except RefusedError as error:
            if error.refusal is not Refusal.BAD_REQUEST:
                raise
            most = plain(listing.leverage)
            words = f"cannot set leverage [{plain(wanted)}] gt maxLeverage [{most}] by risk limit"
            raise BybitError(LEVERAGE_TOO_HIGH, words) from error
        return {}

    def switch_mode(self, asked: Asked) -> Json:
        """One-way (0) is the only mode."""
        if asked.needed("mode") == _ONE_WAY:
            raise BybitError(110025, "Position mode is not modified")
        raise BybitError(110029, "Hedge mode is not available for this symbol")


def _markets(asked: Asked) -> list[Listing]:
    if asked.text("symbol"):
        return [asked.listing()]
    listings = asked.floor.exchange.listings.values()
    return [each for each in listings if category_of(each) == asked.category]


def _leverage(asked: Asked, name: str) -> Decimal:
    number = asked.price(name)
    if number is None:
        raise BybitError(PARAMS, f"params error: {name} is required")
    return number


def _coin(name: str) -> Json:
    return {
        "name": name,
        "coin": name,
        "remainAmount": "0",
        "chains": [
            {
                "chainType": name,
                "confirmation": "1",
                "withdrawFee": "0",
                "depositMin": "0",
                "withdrawMin": "0",
                "chain": name,
                "chainDeposit": "0",
                "chainWithdraw": "0",
                "minAccuracy": "8",
                "withdrawPercentageFee": "0",
                "contractAddress": "",
            }
        ],
    }
