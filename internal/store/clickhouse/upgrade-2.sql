-- From version 1: what command lines run and touch, as columns and among what is said. Each statement may run twice.
ALTER TABLE records
    ADD COLUMN IF NOT EXISTS programs Array(String) CODEC(ZSTD(1)) AFTER columns,
    ADD COLUMN IF NOT EXISTS paths Array(String) CODEC(ZSTD(1)) AFTER programs;
ALTER TABLE records DROP INDEX IF EXISTS words;
ALTER TABLE records MODIFY COLUMN said        String ALIAS lower(concatWithSeparator(' ', code, text, arrayStringConcat(params, ' '), arrayStringConcat(params_raw, ' '),
                    name, portal, message, rule, arrayStringConcat(actions, ' '), arrayStringConcat(tables, ' '), arrayStringConcat(columns, ' '),
                    arrayStringConcat(programs, ' '), arrayStringConcat(paths, ' '),
                    user, account, target, database, protocol, client, app, tls, gateway, build, config, policy, credential, peer, version));
ALTER TABLE records ADD INDEX IF NOT EXISTS words said TYPE text(tokenizer = 'splitByNonAlpha') GRANULARITY 1 FIRST;
ALTER TABLE records MATERIALIZE INDEX words;
