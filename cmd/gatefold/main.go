// Command gatefold is a gateway for privileged access. One file a verb; this one wires them together.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/proxy"
	"github.com/gatefold/gatefold/recorder"
)

// Exit codes, the same for every verb.
const (
	exitOK    = 0 // it worked; for verify and check: the answer is yes
	exitError = 1 // it did not work
	exitUsage = 2 // the command line or the configuration is wrong
	exitNo    = 3 // it worked and the answer is no: the record is damaged, the policy refuses
)

// errNo ends a verb whose answer is no; what there is to say has been printed.
var errNo = errors.New("no")

// usageError is an error of the command line or the configuration.
type usageError struct{ error }

// hintError adds what to do.
type hintError struct {
	error
	hint string
}

func (e hintError) Unwrap() error  { return e.error }
func (e usageError) Unwrap() error { return e.error }

// Main is one run of the program. Tests make their own.
type Main struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string

	config string // --config
	// home wraps the archive that the recorder sees, tape each session's record, and clock is the recorder's: tests put
	// faults there. nil: none.
	home  func(recorder.Sink) recorder.Sink
	tape  func(proxy.Tape) proxy.Tape
	clock recorder.Clock
}

func main() {
	relaxTimers(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	m := &Main{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	os.Exit(m.Run(ctx, os.Args[1:]))
}

// Run runs one command line and returns its exit code.
func (m *Main) Run(ctx context.Context, args []string) int {
	root := m.rootCmd()
	root.SetArgs(args)
	root.SetIn(m.Stdin)
	root.SetOut(m.Stdout)
	root.SetErr(m.Stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, errGone), errors.Is(err, syscall.EPIPE): // who read it has left, and would not read this either
		return exitError
	case ctx.Err() != nil && errors.Is(err, context.Canceled): // Ctrl-C: whoever pressed it knows
		return exitError
	}
	fmt.Fprintf(m.Stderr, "gatefold: %v\n", err)
	var hint hintError
	if errors.As(err, &hint) && hint.hint != "" {
		fmt.Fprintf(m.Stderr, "  %s\n", hint.hint)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitError
}

func (m *Main) rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatefold",
		Short: "A gateway for privileged access to databases and servers",
		Long: `gatefold stands between people and the Postgres, MySQL and SSH servers they could do harm to. It logs in to the target
with a credential that the user never sees, checks every statement, command and file against policy before it goes on,
and keeps a record that an investigator can search, replay and prove whole.

Exit codes: 0 done (verify, check: yes); 1 it failed; 2 wrong usage or configuration; 3 the answer is no.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          onlyVerbs,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVarP(&m.config, "config", "c", cmp.Or(m.Getenv("GATEFOLD_CONFIG"), defaultConfig), "the configuration file, also GATEFOLD_CONFIG")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{hintError{err, "see: " + cmd.CommandPath() + " --help"}}
	})
	root.AddCommand(m.commands()...)
	return root
}

// commands lists the verbs in the order of a newcomer's first day.
func (m *Main) commands() []*cobra.Command {
	return []*cobra.Command{
		m.configCmd(), m.userCmd(), m.secretCmd(), m.dsnCmd(), m.sshConfigCmd(), m.hostKeyCmd(), m.serveCmd(), m.checkCmd(),
		m.sessionsCmd(), m.killCmd(),
		m.searchCmd(), m.replayCmd(), m.verifyCmd(), m.exportCmd(),
		m.keyCmd(), m.checkpointCmd(), m.redactCmd(), m.holdCmd(), m.pruneCmd(), m.backfillCmd(),
		m.versionCmd(),
	}
}
