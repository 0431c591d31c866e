package ssh

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// BenchmarkDownload is a stream from a real server to OpenSSH's client, with a tape that keeps nothing.
func BenchmarkDownload(b *testing.B) {
	benchmarkStream(b, "head -c 268435456 /dev/zero", "cat > /dev/null") // 256 MiB
}

// BenchmarkUpload is one to a server.
func BenchmarkUpload(b *testing.B) {
	benchmarkStream(b, "cat > /dev/null", "head -c 268435456 /dev/zero")
}

func benchmarkStream(b *testing.B, command, local string) {
	g := gateTo(b, testenv.NewSSHForTest(b, testenv.Options{}), func(g *relayGate) { g.forget = true })
	config, err := g.login().Config(b.TempDir(), "target", "target")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(256 << 20)
	before := spent(b)
	defer func() { b.ReportMetric((spent(b)-before).Seconds()*4/float64(b.N), "cpu-s/GiB") }()
	for b.Loop() {
		client := exec.Command("sh", "-c", local+" | ssh -F "+config+" -c aes128-gcm@openssh.com target '"+command+"'")
		if local == "cat > /dev/null" {
			client = exec.Command("sh", "-c", "ssh -F "+config+" -c aes128-gcm@openssh.com target '"+command+"' | "+local)
		}
		if out, err := client.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

// spent is the processor's time of this process: clients and servers are others.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
