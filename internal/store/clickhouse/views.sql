-- Views for people, part of version 1. All times are UTC. VIEWS.md shows how they are used.
-- GLOBAL means something in a cluster alone.
--
-- statements and accesses take the time that they are asked about, so that what they join stays small:
--   SELECT * FROM statements(since = '2026-11-26', until = '2026-11-27') WHERE user = 'ann'

-- One row for each action (statement, call, command, file operation): who, what, what the policy said, and what came of it.
-- An action that runs a prepared statement has that one's text, tables and columns. outcome is empty while it runs.
CREATE OR REPLACE VIEW statements AS
SELECT a.session AS session, a.seq AS seq, a.at AS at,
    s.user AS user, s.account AS account, s.target AS target, s.database AS database, s.client AS client, s.app AS app,
    a.kind AS kind,
    multiIf(a.text != '', a.text, p.text != '', p.text, q.text) AS text,
    a.params AS params,
    multiIf(notEmpty(a.actions), a.actions, notEmpty(p.actions), p.actions, q.actions) AS actions,
    multiIf(notEmpty(a.tables), a.tables, notEmpty(p.tables), p.tables, q.tables) AS tables,
    multiIf(notEmpty(a.columns), a.columns, notEmpty(p.columns), p.columns, q.columns) AS columns,
    multiIf(a.digest != 0, a.digest, p.digest != 0, p.digest, q.digest) AS digest,
    a.verdict AS verdict, a.rule AS rule,
    r.outcome AS outcome, r.took / 1e9 AS seconds, r.rows AS rows, r.bytes AS bytes, r.code AS code, r.message AS message
FROM
(
    SELECT session, seq, of, at, kind, text, params, actions, tables, columns, digest, verdict, rule
    FROM records FINAL
    WHERE kind IN ('query', 'execute', 'call', 'cancel', 'exec', 'file', 'forward', 'command')
        AND at >= {since:DateTime64(9, 'UTC')} AND at < {until:DateTime64(9, 'UTC')}
) AS a
LEFT ANY JOIN
(
    SELECT session, of, outcome, took, rows, bytes, code, message
    FROM records FINAL
    WHERE kind = 'result' AND at >= {since:DateTime64(9, 'UTC')} AND at < {until:DateTime64(9, 'UTC')} + INTERVAL 1 DAY
) AS r ON r.session = a.session AND r.of = a.seq
LEFT ANY JOIN
(
    SELECT session, seq, of, text, actions, tables, columns, digest
    FROM records FINAL
    WHERE kind IN ('parse', 'bind') AND session GLOBAL IN
    (
        SELECT session FROM records
        WHERE kind = 'execute' AND at >= {since:DateTime64(9, 'UTC')} AND at < {until:DateTime64(9, 'UTC')}
    )
) AS p ON p.session = a.session AND p.seq = a.of
LEFT ANY JOIN
(
    SELECT session, seq, text, actions, tables, columns, digest
    FROM records FINAL
    WHERE kind = 'parse' AND session GLOBAL IN
    (
        SELECT session FROM records
        WHERE kind = 'execute' AND at >= {since:DateTime64(9, 'UTC')} AND at < {until:DateTime64(9, 'UTC')}
    )
) AS q ON q.session = p.session AND q.seq = p.of
LEFT ANY JOIN
(
    SELECT session, user, account, target, database, client, app
    FROM sessions
    WHERE session GLOBAL IN
    (
        SELECT session FROM records WHERE at >= {since:DateTime64(9, 'UTC')} AND at < {until:DateTime64(9, 'UTC')}
    )
) AS s ON s.session = a.session;

-- One row for each action that named a table or column, also by a prepared statement, and how many rows came of it:
--   SELECT user, sum(rows) FROM accesses(name = 'customers.ssn', since = '2026-11-01', until = '2026-12-01') GROUP BY user
CREATE OR REPLACE VIEW accesses AS
SELECT a.session AS session, a.seq AS seq, a.at AS at, s.user AS user, s.account AS account, s.target AS target,
    s.database AS database, a.kind AS kind, t.actions AS actions, a.verdict AS verdict, a.rule AS rule,
    r.outcome AS outcome, r.took / 1e9 AS seconds, r.rows AS rows, r.bytes AS bytes
FROM
(
    SELECT x.session AS session, x.seq AS seq, x.at AS at, x.kind AS kind, x.verdict AS verdict, x.rule AS rule,
        multiIf(x.kind != 'execute', x.seq, b.of != 0, b.of, x.of) AS said
    FROM
    (
        SELECT session, seq, of, at, kind, verdict, rule
        FROM records FINAL
        WHERE kind IN ('query', 'execute', 'call', 'exec', 'command')
            AND at >= {since:DateTime64(9, 'UTC')} AND at < {until:DateTime64(9, 'UTC')}
            AND session GLOBAL IN (SELECT session FROM touched WHERE name = {name:String} AND day <= toDate({until:DateTime64(9, 'UTC')}))
    ) AS x
    LEFT ANY JOIN
    (
        SELECT session, seq, of
        FROM records FINAL
        WHERE kind = 'bind' AND session GLOBAL IN (SELECT session FROM touched WHERE name = {name:String})
    ) AS b ON b.session = x.session AND b.seq = x.of
) AS a
LEFT SEMI JOIN
(
    SELECT session, seq, actions FROM touched FINAL WHERE name = {name:String}
) AS t ON t.session = a.session AND t.seq = a.said
LEFT ANY JOIN
(
    SELECT session, of, outcome, took, rows, bytes
    FROM records FINAL
    WHERE kind = 'result' AND session GLOBAL IN (SELECT session FROM touched WHERE name = {name:String})
) AS r ON r.session = a.session AND r.of = a.seq
LEFT ANY JOIN
(
    SELECT session, user, account, target, database
    FROM sessions
    WHERE session GLOBAL IN (SELECT session FROM touched WHERE name = {name:String})
) AS s ON s.session = a.session;
