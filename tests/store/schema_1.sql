-- The tables of schema 1, as alphaforge 0.1 made them. Never changes.

CREATE TABLE meta (
    "key" VARCHAR(64) NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
);

CREATE TABLE runs (
    run_id VARCHAR(64) NOT NULL,
    mode TEXT NOT NULL,
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    strategies JSON NOT NULL,
    parameters JSON NOT NULL,
    settings JSON NOT NULL,
    data JSON NOT NULL,
    instruments JSON NOT NULL,
    seed BIGINT NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT,
    status TEXT NOT NULL,
    error TEXT NOT NULL,
    summary JSON,
    CONSTRAINT pk_runs PRIMARY KEY (run_id)
);

CREATE INDEX ix_runs_started ON runs (started);

CREATE TABLE alerts (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    level TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT pk_alerts PRIMARY KEY (run_id, sequence, position),
    CONSTRAINT fk_alerts_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);

CREATE TABLE decisions (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    payload BLOB NOT NULL,
    checksum BIGINT NOT NULL,
    CONSTRAINT pk_decisions PRIMARY KEY (run_id, sequence),
    CONSTRAINT fk_decisions_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE equity (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    equity TEXT NOT NULL,
    cash TEXT NOT NULL,
    unrealized_pnl TEXT NOT NULL,
    CONSTRAINT pk_equity PRIMARY KEY (run_id, sequence, position),
    CONSTRAINT fk_equity_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE fills (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    strategy TEXT NOT NULL,
    order_id TEXT NOT NULL,
    venue_order_id TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    value TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL,
    liquidity TEXT NOT NULL,
    realized_pnl TEXT NOT NULL,
    CONSTRAINT pk_fills PRIMARY KEY (run_id, sequence, position),
    CONSTRAINT fk_fills_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE inputs (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    checksum BIGINT NOT NULL,
    CONSTRAINT pk_inputs PRIMARY KEY (run_id, sequence),
    CONSTRAINT fk_inputs_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE order_events (
    run_id VARCHAR(64) NOT NULL,
    order_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    CONSTRAINT pk_order_events PRIMARY KEY (run_id, order_id, sequence, position),
    CONSTRAINT fk_order_events_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE orders (
    run_id VARCHAR(64) NOT NULL,
    order_id VARCHAR(64) NOT NULL,
    ts BIGINT NOT NULL,
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    strategy TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    venue_order_id TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    quantity TEXT NOT NULL,
    limit_price TEXT,
    trigger_price TEXT,
    tif TEXT NOT NULL,
    status TEXT NOT NULL,
    filled TEXT NOT NULL,
    average_price TEXT,
    reason TEXT NOT NULL,
    leaves TEXT NOT NULL,
    in_doubt BOOLEAN NOT NULL,
    ts_last BIGINT NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (run_id, order_id),
    CONSTRAINT fk_orders_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);

CREATE TABLE positions (
    run_id VARCHAR(64) NOT NULL,
    strategy VARCHAR(64) NOT NULL,
    symbol VARCHAR(64) NOT NULL,
    ts BIGINT NOT NULL,
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    average_price TEXT,
    realized_pnl TEXT NOT NULL,
    fees TEXT NOT NULL,
    funding TEXT NOT NULL,
    fills INTEGER NOT NULL,
    ts_open BIGINT NOT NULL,
    CONSTRAINT pk_positions PRIMARY KEY (run_id, strategy, symbol),
    CONSTRAINT fk_positions_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);

CREATE TABLE recording_blocks (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    count INTEGER NOT NULL,
    payload BLOB NOT NULL,
    checksum BIGINT NOT NULL,
    CONSTRAINT pk_recording_blocks PRIMARY KEY (run_id, sequence),
    CONSTRAINT fk_recording_blocks_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);

CREATE TABLE signals (
    run_id VARCHAR(64) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    signal_id TEXT NOT NULL,
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    direction TEXT NOT NULL,
    confidence FLOAT NOT NULL,
    reason TEXT NOT NULL,
    order_id TEXT NOT NULL,
    CONSTRAINT pk_signals PRIMARY KEY (run_id, sequence, position),
    CONSTRAINT fk_signals_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);

INSERT INTO meta VALUES ('schema_version', '1');
PRAGMA user_version = 1;
