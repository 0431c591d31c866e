package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tree makes files of all sorts below a folder of the attempt's.
func (a *attempt) tree(name string) (string, error) {
	root := a.file(name)
	for _, f := range []struct {
		path string
		size int64
		mode os.FileMode
	}{
		{"empty", 0, 0o644}, {"one", 1, 0o600}, {"small.txt", 1000, 0o644}, {"a name with spaces", 3000, 0o755}, {"ünï", 10, 0o640},
		{"below/32k", 32 << 10, 0o644}, {"below/32k+1", 32<<10 + 1, 0o644}, {"below/deep/er/big", 6 << 20, 0o644}, {"-dash", 5, 0o644}, {"q'uo\"te", 6, 0o644},
	} {
		path := filepath.Join(root, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return root, err
		}
		if err := writeCounting(path, f.size, f.mode); err != nil {
			return root, err
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return root, errors.Join(os.Chtimes(filepath.Join(root, "small.txt"), at, at), os.Symlink("small.txt", filepath.Join(root, "link")))
}

func writeCounting(path string, size int64, mode os.FileMode) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, &counting{}, size); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Chmod(mode), f.Close())
}

// list tells what is below a folder: kinds, modes, sizes, hashes.
func (a *attempt) list(root string) error {
	a.sayf("== %s", filepath.Base(root))
	return filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		st, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %q", st.Mode(), name)
		if st.Mode().IsRegular() {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			h := sha256.New()
			n, err := io.Copy(h, f)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x", n, h.Sum(nil)[:8])
		}
		if st.Mode()&os.ModeSymlink != 0 {
			to, _ := os.Readlink(path)
			line += " -> " + to
		}
		if st.ModTime().Year() != time.Now().Year() || st.ModTime().Month() == time.January {
			line += " " + st.ModTime().UTC().Format(time.DateTime)
		}
		a.sayf("%s", line)
		return nil
	})
}

// folders are an empty one at the server, one with files here, and an empty one here for what comes back.
func (a *attempt) folders() (remote, local, back string, err error) {
	if remote, err = a.remote(); err != nil {
		return "", "", "", err
	}
	if local, err = a.tree("tree"); err != nil {
		return "", "", "", err
	}
	back = a.file("back")
	return remote, local, back, os.Mkdir(back, 0o755)
}

// scp copies there and back; options say by which protocol.
func scp(options []string) func(context.Context, *attempt) error {
	return func(ctx context.Context, a *attempt) error {
		remote, local, back, err := a.folders()
		if err != nil {
			return err
		}
		at := func(path string) string { return "target:" + remote + "/" + path }
		for _, args := range [][]string{
			{filepath.Join(local, "small.txt"), at("small.txt")},
			{"-p", filepath.Join(local, "small.txt"), at("kept.txt")},
			{"-r", local, at("copied")},
			{"-rp", local, at("kept")},
			{filepath.Join(local, "empty"), filepath.Join(local, "a name with spaces"), filepath.Join(local, "ünï"), at("")},
			{"-l", "400000", filepath.Join(local, "below/deep/er/big"), at("slow")},
			{"-C", filepath.Join(local, "below/deep/er/big"), at("compressed")},
			{at("small.txt"), back},
			{"-p", at("kept.txt"), back},
			{"-r", at("kept"), filepath.Join(back, "all")},
			{at("copied/below/32k*"), back},
			{at("copied/{one,empty}"), back},
			{at("a name with spaces"), back},
			{at("no such file"), back},
			{at("copied"), back},
			{filepath.Join(local, "one"), at("no/such/folder/one")},
			{filepath.Join(local, "one"), filepath.Join(local, "no such file"), at("")},
			{"-r", local, at("small.txt")},
			{"-3", at("small.txt"), at("third")},
			{at("small.txt"), at("fourth")},
		} {
			a.tellApart(a.sshTool(ctx, "scp", append(append([]string{}, options...), args...)...), nil)
		}
		return errors.Join(a.list(remote), a.list(back))
	}
}

// sftpBatch runs sftp's commands.
func sftpBatch(ctx context.Context, a *attempt) error {
	remote, local, back, err := a.folders()
	if err != nil {
		return err
	}
	a.hide(`[A-Z][a-z]{2} [ 0-9]{2} ([0-9]{2}:[0-9]{2}| [0-9]{4})`, "DATE")
	a.hide(`(?m)^( +[0-9]+){4} +[0-9]+%$`, "SIZES") // df
	script, err := os.ReadFile(a.script("ssh/sftp.batch"))
	if err != nil {
		return err
	}
	batch := strings.NewReplacer("@REMOTE@", remote, "@LOCAL@", local, "@BACK@", back).Replace(string(script))
	for _, options := range [][]string{nil, {"-B", "200000", "-R", "8"}} {
		a.tellApart(a.sshTool(ctx, "sftp", append(options, "-b", "-", "target")...), strings.NewReader(batch))
		if err := errors.Join(a.list(remote), a.list(back)); err != nil {
			return err
		}
	}
	a.tellApart(a.sshTool(ctx, "sftp", "-b", "-", "target"), strings.NewReader("get "+remote+"/no-such "+back+"\n"))
	a.tellApart(a.sshTool(ctx, "sftp", "target:"+remote+"/up/small.txt", back), nil)
	a.tellApart(a.sshTool(ctx, "sftp", "-r", "target:"+remote+"/up", back+"/up-again"), nil)
	return errors.Join(a.list(back))
}

// rsync carries a tree there and back, changed on the way.
func rsync(ctx context.Context, a *attempt) error {
	remote, err := a.remote()
	if err != nil {
		return err
	}
	local, err := a.tree("tree")
	if err != nil {
		return err
	}
	a.hide(`[0-9,.]+ bytes/sec`, "SPEED")
	a.hide(`(Total bytes (sent|received): |sent |received )[0-9,]+`, "${1}N") // lists of names hold times
	a.hide(`File list (generation|transfer) time: .*`, "File list times")
	a.hide(`speedup is .*`, "speedup")
	a.hide(`20[0-9]{2}/[0-9]{2}/[0-9]{2} [0-9:]{8}`, "DATE")
	run := func(args ...string) {
		a.tellApart(a.command(ctx, "rsync", append([]string{"-e", "ssh -F " + a.login}, args...)...), nil)
	}
	there, back := "target:"+remote+"/", a.file("back")
	run("-av", "--stats", local, there)
	run("-ai", local, there)
	if err := errors.Join(writeCounting(filepath.Join(local, "one"), 100, 0o600), os.Remove(filepath.Join(local, "below/32k")), touchInside(filepath.Join(local, "below/deep/er/big"))); err != nil {
		return err
	}
	run("-ain", "--delete", local, there)
	run("-aiz", "--delete", "--stats", local, there)
	run("-ai", "--checksum", "--inplace", local, there)
	run("-av", there+"tree/", back)
	run("--list-only", there+"tree/")
	run("-av", "--files-from=-", there, back+"-none")
	run("-av", there+"no-such", back)
	run("-av", "--append-verify", "--partial", filepath.Join(local, "below/deep/er/big"), there+"appended")
	run("-av", "--remove-source-files", there+"tree/small.txt", back+"-moved")
	run("-av", "--rsync-path=no-such-rsync", local, there)
	return errors.Join(a.list(remote), a.list(back))
}

// touchInside changes a byte in a file's middle, so that a part of it is to be sent.
func touchInside(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("changed"), 3<<20)
	return errors.Join(err, f.Close())
}

// git clones, pushes, fetches, and is refused what isn't a fast forward.
func git(ctx context.Context, a *attempt) error {
	remote, err := a.remote()
	if err != nil {
		return err
	}
	a.hide(`[0-9.]+ [KM]iB/s`, "SPEED")
	a.hide(`[0-9.]+ (KiB|MiB|bytes) \|`, "SIZE |")
	a.hide(`using up to [0-9]+ threads`, "threads")
	run := func(dir string, args ...string) *exec.Cmd {
		cmd := a.command(ctx, "git", append([]string{"-c", "init.defaultBranch=main", "-c", "protocol.version=2", "-c", "core.pager=cat", "-c", "gc.auto=0"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND=ssh -F "+a.login, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@x",
			"GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
		return cmd
	}
	bare := filepath.Join(remote, "repo.git")
	if err := mustRun(run(remote, "init", "--bare", bare)); err != nil {
		return err
	}
	url, one, two := "target:"+bare, a.file("one"), a.file("two")
	say := func(dir string, args ...string) {
		a.sayf("git %q", args)
		out, err := run(dir, args...).CombinedOutput()
		a.sayf("%s%v", out, err)
	}
	say(a.dir, "clone", "-q", url, one)
	if err := writeCounting(filepath.Join(one, "big"), 5<<20, 0o644); err != nil {
		return err
	}
	say(one, "add", ".")
	say(one, "commit", "-qm", "first")
	say(one, "push", "-q", "origin", "HEAD:main")
	say(a.dir, "clone", "-q", "-b", "main", url, two)
	for i := range 10 {
		if err := writeCounting(filepath.Join(two, fmt.Sprintf("f%d", i)), int64(i*1000), 0o644); err != nil {
			return err
		}
		if err := errors.Join(mustRun(run(two, "add", ".")), mustRun(run(two, "commit", "-qm", fmt.Sprint("more ", i)))); err != nil {
			return err
		}
	}
	say(two, "tag", "v1")
	say(two, "push", "-q", "--tags", "origin", "main")
	say(one, "commit", "-q", "--allow-empty", "-m", "apart")
	say(one, "push", "origin", "HEAD:main")
	say(one, "fetch", "-q", "origin")
	say(one, "log", "--oneline", "--all")
	say(one, "push", "-q", "--force", "origin", "HEAD:other")
	say(one, "push", "-q", "origin", ":other")
	say(a.dir, "ls-remote", url)
	say(a.dir, "-c", "protocol.version=0", "ls-remote", url)
	say(a.dir, "clone", "-q", "--depth", "1", "-b", "main", url, a.file("shallow"))
	say(a.file("shallow"), "fetch", "-q", "--unshallow")
	say(a.file("shallow"), "rev-list", "--count", "HEAD")
	say(a.dir, "archive", "--remote="+url, "--output="+a.file("x.tar"), "v1", "big")
	say(a.dir, "clone", "-q", "target:"+remote+"/no-such.git", a.file("none"))
	return errors.Join(a.list(filepath.Join(a.file("shallow"), "f3")))
}
