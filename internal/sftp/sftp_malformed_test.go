package sftp

import (
	"bytes"
	"strings"
	"testing"
)

func TestMalformed(t *testing.T) {
	long := strings.Repeat("x", MinBuffer)
	for name, c := range map[string]struct {
		client bool
		p      []byte
		why    string
	}{
		"no id":             {true, []byte{0, 0, 0, 1, fxpStat}, "has no id"},
		"unknown type":      {true, packet(99, 1), "type 99"},
		"init again":        {true, packet(fxpInit, 3), "type 1"},
		"bytes behind":      {true, packet(fxpStat, 1, "/x", 0), "malformed"},
		"path cut":          {true, finishPacket(append(packet(fxpStat, 1), 0, 0, 0, 9, 'x')), "malformed"},
		"zero byte":         {true, packet(fxpRemove, 1, "/x\x00y"), "zero byte"},
		"zero byte, second": {true, packet(fxpRename, 1, "/x", "/y\x00"), "zero byte"},
		"attributes of v4":  {true, packet(fxpMkdir, 1, "/x", 0x10), "malformed"},
		"endless extended":  {true, packet(fxpMkdir, 1, "/x", -1<<31, -1), "malformed"},
		"too long":          {true, packet(fxpStat, 1, long), "longer than"},
		"write too long":    {true, []byte{0xff, 0, 0, 0, fxpWrite, 0, 0, 0, 1}, "the longest is"},
		"write of a lie":    {true, finishPacket(append(packet(fxpWrite, 1, "h", offset0), 0, 0, 0, 9, 'x')), "malformed WRITE"},
		"write cut":         {true, packet(fxpWrite, 1, "h"), "malformed WRITE"},
		"long handle":       {true, packet(fxpWrite, 1, long[:300], offset0, "x"), "malformed WRITE"},
		"id in flight":      {true, packet(fxpStat, 7, "/y"), "request id 7 again"},
		"write in flight":   {true, packet(fxpWrite, 7, "h", offset0, "x"), "request id 7 again"},
		"stranger":          {false, packet(fxpStatus, 8, 0, "", ""), "request 8 that nobody made"},
		"wrong type":        {false, packet(fxpHandle, 7, "h"), "with a packet of type 102"},
		"too much data":     {false, packet(fxpData, 6, "abcde"), "a READ of 4 bytes with 5"},
		"data of a lie":     {false, finishPacket(append(packet(fxpData, 6), 0, 0, 0, 3, 'x')), "a READ of 4 bytes with 3"},
		"handle in use":     {false, packet(fxpHandle, 5, "h"), "handle that is in use"},
		"handle too long":   {false, packet(fxpHandle, 5, long[:300]), "malformed handle"},
		"status cut":        {false, []byte{0, 0, 0, 7, fxpStatus, 0, 0, 0, 7, 0, 0}, "malformed status"},
		"well, but no":      {false, statusIs(6, fxOK, ""), "says it is well"},
		"status too long":   {false, statusIs(7, 4, long), "sent a packet of type 101"},
		"packet too long":   {false, []byte{0xff, 0, 0, 0, fxpName, 0, 0, 0, 7}, "sent a packet of"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t, 1<<20, Limits{})
			k.c(fxpOpen, 4, "/data", openRead|openWrite, noAttrs).s(fxpHandle, 4, "h")
			k.c(fxpOpen, 5, "/more", openRead, noAttrs).c(fxpRead, 6, "h", offset0, 4).c(fxpStat, 7, "/x")
			k.well()
			k.says(c.client, c.p)
			k.fails(c.why)
			k.end() // tells of what is open, and not twice
			if len(k.results) != 3 {
				t.Errorf("%+v", k.results)
			}
		})
	}
	for name, c := range map[string]struct {
		client, server []byte
		why            string
	}{
		"no init":         {packet(fxpStat, 1, "/x"), nil, "before it said which version"},
		"version 2":       {packet(fxpInit, 2), nil, "speaks version 2"},
		"server's 4":      {initV3, packet(fxpVersion, 4), "speaks version 4"},
		"server's first":  {nil, versionV3, "before it was asked"},
		"no version":      {initV3, statusIs(1, 0, ""), "began with"},
		"odd extensions":  {initV3, packet(fxpVersion, 3, "limits@openssh.com"), "malformed VERSION"},
		"not our request": {initV3, append(bytes.Clone(versionV3), packet(fxpName, 1, 1, "/", "", 0)...), "nobody made"},
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, m: New(Limits{}), piece: 1 << 20}
			k.says(true, c.client)
			k.says(false, c.server)
			k.fails(c.why)
		})
	}
}
