package identity

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

var (
	start = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	here  = netip.MustParseAddr("192.0.2.7")
)

func fail(t *Throttle, addr netip.Addr, n int, now time.Time) {
	for range n {
		t.Failed(addr, now)
	}
}

func TestFailuresSlowAnAddressDown(t *testing.T) {
	th := NewThrottle()
	for n, want := range []time.Duration{0, 0, 0, 0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
		4 * time.Second, 8 * time.Second, 8 * time.Second, 8 * time.Second} {
		if got := th.Delay(here, start); got != want {
			t.Errorf("after %d failures the delay is %v, want %v", n, got, want)
		}
		th.Failed(here, start)
	}
	if got := th.Delay(netip.MustParseAddr("192.0.2.8"), start); got != 0 {
		t.Errorf("a neighbour waits %v", got)
	}
}

func TestFailuresAreForgotten(t *testing.T) {
	th := NewThrottle()
	fail(th, here, 1000, start)
	if got := th.Delay(here, start.Add(5*time.Minute)); got != 8*time.Second { // ten are left
		t.Errorf("after five minutes the delay is %v", got)
	}
	if got := th.Delay(here, start.Add(8*time.Minute)); got != 250*time.Millisecond { // four are left
		t.Errorf("after eight minutes the delay is %v", got)
	}
	if got := th.Delay(here, start.Add(10*time.Minute)); got != 0 {
		t.Errorf("after ten minutes the delay is %v", got)
	}
	fail(th, here, 4, start.Add(time.Hour))
	if got := th.Delay(here, start.Add(time.Hour)); got != 250*time.Millisecond {
		t.Errorf("four new failures after an hour give %v", got)
	}
}

// Somebody with a password of their own must not guess those of others in between for free.
func TestSuccessForgivesHalfAndNotOften(t *testing.T) {
	th := NewThrottle()
	fail(th, here, 8, start)
	th.Succeeded(here, start)
	if got := th.Delay(here, start); got != 250*time.Millisecond { // four are left
		t.Errorf("after a success the delay is %v", got)
	}
	th.Succeeded(here, start.Add(time.Second))
	if got := th.Delay(here, start.Add(time.Second)); got != 250*time.Millisecond {
		t.Errorf("a second success within the minute forgave more: %v", got)
	}
	now := start
	for range 100 {
		th.Failed(here, now)
		th.Succeeded(here, now)
		now = now.Add(time.Second)
	}
	if got := th.Delay(here, now); got < 4*time.Second {
		t.Errorf("a hundred guesses, each with a success after it, wait %v", got)
	}
	th.Succeeded(netip.MustParseAddr("192.0.2.9"), start)
	if th.addrs.Len() != 1 {
		t.Error("a success without a failure is remembered")
	}
}

func TestAddressesCountByWhatOnePersonHas(t *testing.T) {
	th := NewThrottle()
	fail(th, netip.MustParseAddr("2001:db8:1:2::1"), 5, start)
	for addr, slow := range map[string]bool{
		"2001:db8:1:2:ffff::9": true, "2001:db8:1:3::1": false, "2001:db8:1:2::1%eth0": true,
	} {
		if got := th.Delay(netip.MustParseAddr(addr), start) > 0; got != slow {
			t.Errorf("%s is slowed down: %v, want %v", addr, got, slow)
		}
	}
	fail(th, netip.MustParseAddr("::ffff:192.0.2.7"), 5, start)
	if th.Delay(here, start) == 0 {
		t.Error("an IPv4 address in IPv6's clothes is another")
	}
	fail(th, netip.Addr{}, 5, start) // a unix socket's client has none
	if th.Delay(netip.Addr{}, start) == 0 {
		t.Error("clients without an address are not slowed down")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	th := NewThrottle()
	fail(th, here, 5, start)
	for i := range uint32(throttled + 100) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 0x0a000000+i)
		th.Failed(netip.AddrFrom4(a), start)
		if i%1000 == 0 {
			th.Failed(here, start)
		}
	}
	if th.addrs.Len() != throttled {
		t.Errorf("%d addresses are remembered, want %d", th.addrs.Len(), throttled)
	}
	if th.Delay(here, start) == 0 {
		t.Error("an address that goes on failing was forgotten before those that failed once")
	}
}
