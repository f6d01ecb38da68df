-- Protection over time: what the rules said of each home and when they knew it, from the stream PROTECTION; and what became
-- of each home's hours by day of the community, made from these two and made again whenever that is wanted.
create table protection_changes (
    home text not null,
    at timestamptz not null,
    state text not null,                    -- protected, partly, not, gone
    cause text not null,                    -- one leading cause: reason:device, gateway:device, not_fitted, nothing, resting
    role text not null,
    primary key (home, at)
);
create index protection_changes_at on protection_changes (at);

create table protection_watched (
    role text not null,
    run timestamptz not null,
    begin_at timestamptz not null,
    end_at timestamptz not null,
    primary key (role, begin_at)
);

create table protection_days (
    day date not null,
    home text not null,
    state text not null,                    -- protected, partly, not, unknown
    cause text not null,
    seconds double precision not null,
    primary key (day, home, state, cause)
);

create table protection_known (
    day date primary key,
    as_of timestamptz not null,             -- up to here the day was added up
    done boolean not null                   -- the day was over then
);
