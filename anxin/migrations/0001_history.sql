-- What is asked about later. Everything here is a projection of the streams and can be made again from them
-- (readings for as long as READINGS keeps them). No foreign keys: facts arrive from streams that know no order
-- between each other.

-- How far each stream has been written here; moved in the same transaction as its rows.
create table positions (
    stream text primary key,
    position bigint not null,
    moved_at timestamptz not null
);

-- Each phase of each episode, as it was found.
create table findings (
    event_id text primary key,
    finding text not null,
    at timestamptz not null,
    phase text not null,
    home text not null,
    resident text,
    device text,
    rule text not null,
    rule_version integer not null,
    code text not null,
    level text not null,
    body json not null
);
create index findings_home_at on findings (home, at desc);
create index findings_code_at on findings (code, at desc);

-- The log of every alert: one row for each decision.
create table alert_events (
    alert text not null,
    version integer not null,
    number integer not null,
    home text not null,
    at timestamptz not null,
    body json not null,
    primary key (alert, version)
);
create index alert_events_at on alert_events (at);

-- One row for each alert, for lists and figures. The alert itself is the fold of its log.
create table alerts (
    alert text primary key,
    number integer not null,
    home text not null,
    resident text,
    room text,
    micro_grid text,
    cause text not null,
    code text not null,
    level text not null,                    -- red, yellow, blue
    state text not null,                    -- new -> acknowledged -> dispatched -> attended -> closed
    state_before text,                      -- what an undo goes back to
    test boolean not null,
    onset_at timestamptz not null,
    raised_at timestamptz not null,
    arrive_by timestamptz,
    acknowledged_at timestamptz,            -- the first time
    acknowledged_by text,
    arrived_at timestamptz,                 -- the first one there
    arrived_by text,
    closed_at timestamptz,
    closed_by text,
    outcome json,
    version integer not null
);
create index alerts_raised on alerts (raised_at desc);
create index alerts_home on alerts (home, raised_at desc);

-- Refused messages and quantities, with the reason.
create table quarantine (
    refusal_id text primary key,
    received_at timestamptz not null,
    topic text not null,
    home text,
    device text,
    reason text not null,
    quantity text,
    detail text not null,
    alarm boolean not null,
    sample text not null
);
create index quarantine_received on quarantine (received_at desc);

-- Devices that publish and are in nobody's home.
create table unclaimed (
    topic text primary key,
    dialect text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    heard bigint not null,
    suggested_kind text,
    suggested_home text,
    payload text not null
);
