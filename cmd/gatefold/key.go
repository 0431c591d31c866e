package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/statefile"
)

func (m *Main) keyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the public key that checkpoints are signed with",
		Long: `Print the gateway's public key: what gatefold verify --key, and any tool that reads C2SP signed notes, checks its
checkpoints with. Keep it where the checkpoints are kept, away from the gateway. The private key stays in the state
folder, is made on the first start or by this verb, and signs nothing but checkpoints and tombstones.`,
		Args: exactArgs(0),
		RunE: func(*cobra.Command, []string) error { return m.key() },
	}
}

func (m *Main) key() error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if err := statefile.Folder(cfg.State); err != nil {
		return err
	}
	key, err := checkpoint.MakeKey(cfg.State, cfg.Gateway)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(m.Stdout, key.Public)
	return err
}

func (m *Main) checkpointCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Sign what is recorded so far, and print the signed checkpoint",
		Long: `Print the newest checkpoint: a C2SP signed note of how many blocks were sealed and of the root of the tree over them.
Where the gateway runs, it signs one now and hands it to the places of evidence.to. Kept elsewhere, it proves with
gatefold verify --checkpoint that nothing from before it was changed or taken away.`,
		Example: "  gatefold checkpoint > /mnt/usb/gw1-2026-11-23",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := m.loadConfig()
			if err != nil {
				return err
			}
			refused, err := control(cmd.Context(), cfg, "/checkpoint")
			if refused != nil {
				fmt.Fprintf(m.Stderr, "note: %v\n", refused) // one place not taking it says nothing against the checkpoint
			} else if err != nil && !notRunning(err) {
				return fmt.Errorf("reach the gateway: %w", err)
			}
			signed, err := os.ReadFile(filepath.Join(checkpoint.Folder(archiveDir(cfg.State)), "checkpoint"))
			if errors.Is(err, fs.ErrNotExist) {
				return hintError{errors.New("there is no checkpoint yet"), "the gateway signs one when something was recorded"}
			}
			if err != nil {
				return err
			}
			_, err = m.Stdout.Write(signed)
			return err
		},
	}
}
