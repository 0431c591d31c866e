package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/sqltext"
	"github.com/gatefold/gatefold/protocols/mysql"
	"github.com/gatefold/gatefold/proxy"
)

// checkFlags of check.
type checkFlags struct {
	user, target, account, database, client, at string
	protocol, serverVersion, sqlMode, request   string
	policies, groups                            []string
	actions, schema, starter                    bool
}

func (m *Main) checkCmd() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check --user USER [--target TARGET] [SQL | COMMAND | PATH... | -]",
		Short: "Ask the policy about a statement, a command or a file without touching it",
		Long: `Tell what a statement or a command line does, as the gateway reads it, whether the policy lets USER do it, and which rule
says so. It is an argument or, with -, the standard input; without one only the opening of a session is asked about.
For a target that speaks ssh it is a command line, or what --request says: a line typed into a shell, a shell, a subsystem, a
variable (env NAME=value), or an operation on a file (open-read PATH, rename PATH PATH, ...).
Nothing is recorded and no target is reached.

Exit codes: 0 allowed; 3 refused; 2 the command line, the configuration or a policy file is wrong.`,
		Example: `  gatefold check --user alice 'DELETE FROM orders'
  gatefold check --user alice --policy draft.cedar --group dba --target orders - < change.sql
  gatefold check --user alice --target shop --server-version 8.0.36 --sql-mode ANSI_QUOTES 'SELECT "a" FROM t'
  gatefold check --user olga --target web1 'sudo systemctl restart nginx'
  gatefold check --user olga --target web1 --request open-write /etc/ssh/sshd_config
  gatefold check --starter > policies/starter.cedar`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) <= 1 || len(args) == 2 && policy.OfTwo(f.request) {
				return nil
			}
			return usageError{hintError{fmt.Errorf("check takes one statement, not %d arguments", len(args)), "put the statement in quotes"}}
		},
		RunE: func(_ *cobra.Command, args []string) error { return m.check(f, args) },
	}
	cmd.Flags().StringVar(&f.user, "user", "", "who asks")
	cmd.Flags().StringVar(&f.target, "target", "", "the target (default: the only one configured)")
	cmd.Flags().StringVar(&f.account, "account", "", "account of the target (default: the target's default)")
	cmd.Flags().StringVar(&f.database, "database", "", "database (default: the target's default)")
	cmd.Flags().StringVar(&f.protocol, "protocol", "", "what the target speaks, postgres, mysql or ssh (default: as configured; with --policy postgres)")
	cmd.Flags().StringVar(&f.serverVersion, "server-version", "10.11.0-MariaDB", "of a mysql target: its version, as it tells it")
	cmd.Flags().StringVar(&f.sqlMode, "sql-mode", "", "of a mysql target: the session's sql_mode")
	cmd.Flags().StringVar(&f.request, "request", "", "of an ssh target: exec, line, shell, subsystem, env, or a file operation (default: exec)")
	cmd.Flags().StringVar(&f.client, "client", "127.0.0.1", "the client's address")
	cmd.Flags().StringVar(&f.at, "at", "", "when, as 2006-01-02T15:04:05Z07:00 (default: now)")
	cmd.Flags().StringArrayVar(&f.policies, "policy", nil, "a policy file in place of the configured ones; may be repeated, needs no configuration")
	cmd.Flags().StringArrayVar(&f.groups, "group", nil, "a group of the user's beside the configured ones; may be repeated")
	cmd.Flags().BoolVar(&f.actions, "actions", false, "list the actions that rules may name, and stop")
	cmd.Flags().BoolVar(&f.schema, "schema", false, "print the Cedar schema of requests, and stop")
	cmd.Flags().BoolVar(&f.starter, "starter", false, "print a policy to begin with, and stop")
	return cmd
}

func (m *Main) check(f checkFlags, args []string) error {
	switch {
	case f.actions:
		return m.printActions()
	case f.schema:
		_, err := io.WriteString(m.Stdout, policy.Schema())
		return err
	case f.starter:
		_, err := m.Stdout.Write(policy.Starter)
		return err
	case f.user == "":
		return usageError{hintError{fmt.Errorf("no user"), "say who asks: --user alice"}}
	}
	q, err := m.question(f)
	if err != nil {
		return err
	}
	open := q.set.Connect(q.subject, q.target, q.env)
	fmt.Fprintf(m.Stdout, "session     %s\n", wording(open))
	ssh := q.target.Protocol == "ssh"
	if f.request != "" && !ssh {
		return usageError{hintError{fmt.Errorf("--request is for targets that speak ssh"), "say --protocol ssh, or --target"}}
	}
	if len(args) == 0 && f.request != "shell" {
		m.printWhy(open)
		return no(open.Allow)
	}
	if ssh {
		d, err := m.checkSSH(q, f, args)
		if err != nil {
			return err
		}
		return m.printVerdict(open, d)
	}
	text, err := m.statementText(args[0])
	if err != nil {
		return err
	}
	facts := q.read(text, f)
	d := q.set.Decide(q.subject, q.target, q.env, policy.Statement(facts))
	m.printFacts(facts)
	fmt.Fprintf(m.Stdout, "statement   %s\n", wording(d))
	return m.printVerdict(open, d)
}

// printVerdict says why, and whether both may be.
func (m *Main) printVerdict(open, d policy.Decision) error {
	if !open.Allow {
		m.printWhy(open)
	}
	m.printWhy(d)
	return no(open.Allow && d.Allow)
}

// read reads a text as the target would.
func (q *question) read(text []byte, f checkFlags) *sqltext.Facts {
	if q.target.Protocol != "mysql" {
		return sqltext.Postgres(text)
	}
	r, why := mysql.Reading(f.serverVersion, f.sqlMode, q.env.Database)
	if why != "" {
		return sqltext.UnreadText(text, why)
	}
	return sqltext.Read(proxy.ReadingOf(&r), text).In(r.Schema)
}

func no(allowed bool) error {
	if allowed {
		return nil
	}
	return errNo
}

// question is who asks for what under which rules.
type question struct {
	set     *policy.Set
	subject policy.Subject
	target  policy.Target
	env     policy.Env
}

// question reads the flags; the configuration fills in what they leave out.
func (m *Main) question(f checkFlags) (*question, error) {
	q := &question{
		subject: policy.Subject{User: f.user, Groups: f.groups},
		target:  policy.Target{Name: f.target, Protocol: "postgres"},
		env:     policy.Env{Account: f.account, Database: f.database, Now: time.Now()},
	}
	var err error
	if q.env.Client, err = netip.ParseAddr(f.client); err != nil {
		return nil, usageError{hintError{err, "write an address without a port: --client 10.0.0.7"}}
	}
	if f.at != "" {
		if q.env.Now, err = time.Parse(time.RFC3339, f.at); err != nil {
			return nil, usageError{hintError{err, "for example --at 2026-11-23T08:00:00+01:00"}}
		}
	}
	files := f.policies
	if len(files) == 0 {
		cfg, err := m.loadConfig()
		if err != nil {
			return nil, err
		}
		if err := q.configure(cfg); err != nil {
			return nil, err
		}
		files = cfg.PolicyFiles
	}
	switch f.protocol {
	case "":
	case "postgres", "mysql", "ssh":
		q.target.Protocol = f.protocol
	default:
		return nil, usageError{hintError{fmt.Errorf("no protocol %q", f.protocol), "it is one of: postgres, mysql, ssh"}}
	}
	if q.set, err = loadPolicy(files); err != nil {
		return nil, usageError{err}
	}
	return q, nil
}

// configure adds what the configuration knows of the user and the target.
func (q *question) configure(cfg *config.Config) error {
	for _, g := range cfg.GroupsOf(q.subject.User) {
		if !slices.Contains(q.subject.Groups, g) {
			q.subject.Groups = append(q.subject.Groups, g)
		}
	}
	names := slices.Sorted(maps.Keys(cfg.Targets))
	if q.target.Name == "" && len(names) == 1 {
		q.target.Name = names[0]
	}
	t, ok := cfg.Targets[q.target.Name]
	if !ok {
		return usageError{hintError{fmt.Errorf("no target %q", q.target.Name), "say --target; targets: " + strings.Join(names, ", ")}}
	}
	q.target.Protocol = t.Protocol
	q.env.Account = cmp.Or(q.env.Account, t.DefaultAccount)
	q.env.Database = cmp.Or(q.env.Database, t.Database)
	return nil
}

// statementText is the argument or, for -, all of the standard input.
func (m *Main) statementText(arg string) ([]byte, error) {
	if arg != "-" {
		return []byte(arg), nil
	}
	text, err := io.ReadAll(io.LimitReader(m.Stdin, sqltext.MaxParse+1))
	if err != nil {
		return nil, fmt.Errorf("read statement: %w", err)
	}
	return text, nil
}

func (m *Main) printFacts(f *sqltext.Facts) {
	if !f.Understood {
		fmt.Fprintf(m.Stdout, "understood  no: %s\n", f.Why)
		return
	}
	fmt.Fprintf(m.Stdout, "understood  yes, %s, digest %016x\n", statements(f.Statements), f.Digest)
	for _, e := range f.Effects {
		line := e.Action
		if len(e.Tables) > 0 {
			line += " on " + strings.Join(e.Tables, ", ")
		}
		if len(e.Columns) > 0 {
			line += " columns " + strings.Join(e.Columns, ", ")
		}
		if len(e.Functions) > 0 {
			line += " functions " + strings.Join(e.Functions, ", ")
		}
		fmt.Fprintf(m.Stdout, "effect      %s\n", line)
	}
	if !f.HasWhere {
		fmt.Fprintln(m.Stdout, "where       an UPDATE or DELETE has none that looks at a column")
	}
	if f.Masked != nil {
		fmt.Fprintf(m.Stdout, "recorded    %s\n", f.Masked)
	}
}

func statements(n int) string {
	if n == 1 {
		return "1 statement"
	}
	return fmt.Sprintf("%d statements", n)
}

// wording is the decision in one line.
func wording(d policy.Decision) string {
	place := ""
	if d.Where != "" {
		place = " (" + d.Where + ")"
	}
	if d.Allow {
		return "allowed: " + d.Rule + place
	}
	return "refused: " + d.Rule + place
}

// printWhy prints what the user would see, and each effect's rule.
func (m *Main) printWhy(d policy.Decision) {
	if d.Message != "" {
		fmt.Fprintf(m.Stdout, "message     %s\n", d.Message)
	}
	if d.Advice != "" {
		fmt.Fprintf(m.Stdout, "advice      %s\n", d.Advice)
	}
	for _, r := range d.Reasons {
		fmt.Fprintf(m.Stdout, "because     %s\n", r)
	}
}

func (m *Main) printActions() error {
	group := ""
	for _, a := range policy.Actions {
		if a.Group != group {
			group = a.Group
			fmt.Fprintf(m.Stdout, "\n%s\n", group)
		}
		if _, err := fmt.Fprintf(m.Stdout, "  %-16s %s\n", a.Name, a.Doc); err != nil {
			return err
		}
	}
	return nil
}
