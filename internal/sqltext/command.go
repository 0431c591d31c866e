package sqltext

// commands gives an action to each command of MySQL's protocol that carries no statement, by the name that records
// have for it.
var commands = map[string]string{
	"ping": "ping", "statistics": "ping",
	"init_db": "use", "field_list": "show",
	"reset_connection": "discard", "change_user": "discard",
	"stmt_close": "deallocate", "stmt_reset": "close", "set_option": "set",
	"process_info": "show", "process_kill": "signal_backend",
	"create_db": "create", "drop_db": "drop",
	"refresh": "server_admin", "debug": "server_admin", "shutdown": "server_admin",
	"binlog_dump": "replication", "binlog_dump_gtid": "replication", "register_slave": "replication",
	"register_replica": "replication", "connect_out": "replication", "table_dump": "replication",
	"subscribe_group_replication_stream": "replication",
}

// plainCommands are the Facts of commands that name no object, made once.
var plainCommands = func() map[string]*Facts {
	m := make(map[string]*Facts, len(commands))
	for name, action := range commands {
		e := Effect{Action: action}
		if name == "process_info" {
			e.Tables = []string{"information_schema.processlist"}
		}
		m[name] = seal(&Facts{Understood: true, Dialect: DialectMySQL, Statements: 1, HasWhere: true, Effects: []Effect{e}})
	}
	return m
}()

// Command is the Facts of a command of MySQL's protocol that carries no statement: its name as in records, and what it
// names: a schema, a table, nothing. A command that isn't known is not understood.
func Command(name, object string) *Facts {
	f := plainCommands[name]
	if f == nil {
		return Unread("the command is not known")
	}
	if object == "" {
		return f
	}
	e := Effect{Action: commands[name]}
	q := &Facts{Understood: true, Dialect: DialectMySQL, Statements: 1, HasWhere: true}
	switch name {
	case "init_db", "create_db", "drop_db":
		e.Tables = []string{quoted(object) + ".*"}
	case "field_list", "table_dump":
		e.Tables, e.Columns = []string{quoted(object)}, []string{"*"}
		q.bare = &bare{}
	default:
		return f
	}
	q.Effects = []Effect{e}
	return seal(q)
}
