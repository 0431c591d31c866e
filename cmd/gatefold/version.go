package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func (m *Main) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go release",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			_, err := fmt.Fprintln(m.Stdout, versionLine(info))
			return err
		},
	}
}

// buildVersion names this build in records: its version, or else its commit.
func buildVersion() string {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) string {
	if info == nil {
		return "unknown"
	}
	version := cmp.Or(strings.Trim(info.Main.Version, "()"), "devel")
	if commit := setting(info, "vcs.revision"); version == "devel" && commit != "" {
		version += "+" + commit[:min(12, len(commit))]
	}
	return version
}

func versionLine(info *debug.BuildInfo) string {
	line := "gatefold " + buildOf(info)
	if info == nil {
		return line
	}
	if commit := setting(info, "vcs.revision"); commit != "" {
		line += ", commit " + commit
		if setting(info, "vcs.modified") == "true" {
			line += " and local changes"
		}
	}
	return line + ", " + info.GoVersion
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
