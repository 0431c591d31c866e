package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/vault"
)

func (m *Main) userTOTPCmd() *cobra.Command {
	var remove, code bool
	cmd := &cobra.Command{
		Use:   "totp NAME",
		Short: "Give a user a second factor, or with --remove take it away",
		Long: `Give a user a second factor: over SSH a code of an app is then asked for after the password. What the app needs is printed
once: a URL, and with --qr a code to scan. It is in force at once. A code is good once, and after five wrong ones none is
taken for ten minutes. Postgres and MySQL have no place to ask for one: there the password is enough.`,
		Example: "  gatefold user totp alice --qr\n  gatefold user totp alice --remove",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove {
				return m.userTOTPRemove(cmd.Context(), args[0])
			}
			return m.userTOTP(cmd.Context(), args[0], code)
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take the second factor away: the password is then enough")
	cmd.Flags().BoolVar(&code, "qr", false, "print a QR code as well")
	cmd.MarkFlagsMutuallyExclusive("remove", "qr")
	return cmd
}

func (m *Main) userTOTP(ctx context.Context, name string, code bool) error {
	cfg, users, err := m.openUsers()
	if err != nil {
		return err
	}
	factors, err := m.openFactors(cfg)
	if err != nil {
		return err
	}
	enrolled, err := factors.Enrol(users, name, "gatefold "+cfg.Gateway)
	if err != nil {
		return userHint(err)
	}
	fmt.Fprintf(m.Stdout, "%s\n", enrolled.URL)
	if code {
		if err := m.printQR(enrolled.URL); err != nil {
			return err
		}
	}
	return m.changed(ctx, cfg, fmt.Sprintf("user %s is asked for a code after the password", name))
}

func (m *Main) userTOTPRemove(ctx context.Context, name string) error {
	cfg, users, err := m.openUsers()
	if err != nil {
		return err
	}
	if err := users.RemoveFactor(name); err != nil {
		return userHint(err)
	}
	return m.changed(ctx, cfg, fmt.Sprintf("user %s is asked for a password only", name))
}

// openFactors opens what checks second factors; their secrets are sealed under the vault's master key.
func (m *Main) openFactors(cfg *config.Config) (*identity.Factors, error) {
	key, err := m.masterKey(cfg)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	box, err := vault.NewBox(key, "second factors")
	if err != nil {
		return nil, err
	}
	return identity.OpenFactors(cfg.State, box)
}

// printQR prints a QR code for light and dark terminals alike: half blocks, colours set for each line, and the quiet zone of
// four modules that readers need (ISO/IEC 18004, section 9.1).
func (m *Main) printQR(text string) error {
	const quiet = 4
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return fmt.Errorf("make a QR code: %w", err)
	}
	size := code.Bounds().Dx()
	dark := func(x, y int) bool {
		if x < 0 || y < 0 || x >= size || y >= size {
			return false
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	for y := -quiet; y < size+quiet; y += 2 {
		var line strings.Builder
		for x := -quiet; x < size+quiet; x++ {
			line.WriteString([]string{" ", "▄", "▀", "█"}[index(dark(x, y), dark(x, y+1))])
		}
		fmt.Fprintf(m.Stdout, "\x1b[30;107m%s\x1b[0m\n", line.String())
	}
	return nil
}

func index(upper, lower bool) (i int) {
	if upper {
		i += 2
	}
	if lower {
		i++
	}
	return i
}
