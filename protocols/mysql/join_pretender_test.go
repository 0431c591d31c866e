package mysql

import (
	"net"
	"testing"

	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// pretend starts a server that plays script on each connection.
func pretend(t *testing.T, script func(*packets)) *protocoltest.Pretender {
	t.Helper()
	return protocoltest.Pretend(t, func(nc net.Conn) { script(&packets{nc: nc}) })
}

var (
	pretended = greeting{version: "8.0.36", thread: 7, scramble: []byte("abcdefghijklmnopqrst"), collation: 255,
		caps: common | clientDeprecateEOF | clientSessionTrack, status: statusAutocommit, plugin: pluginSHA2}
	allIsWell = []byte{answerOK, 0, 0, statusAutocommit, 0, 0, 0}
)

// greets sends a greeting and reads the gateway's response; false: the gateway hung up.
func greets(p *packets, g greeting) bool {
	if p.write(g.append(nil)) != nil {
		return false
	}
	_, err := p.read(maxHello)
	return err == nil
}

// switchTo is an AuthSwitchRequest.
func switchTo(plugin string, scramble []byte) []byte {
	b := append(append([]byte{answerEOF}, plugin...), 0)
	return append(append(b, scramble...), 0)
}

// answersState answers loginQuery as a target with these values does.
func answersState(p *packets, values ...string) {
	p.seq = 0
	if _, err := p.read(maxHello); err != nil {
		return
	}
	p.write([]byte{byte(len(values))})
	for range values {
		p.write([]byte("a column"))
	}
	p.write([]byte{answerEOF, 0, 0, 2, 0})
	var row []byte
	for _, v := range values {
		row = appendLenencText(row, []byte(v))
	}
	p.write(row)
	p.write([]byte{answerEOF, 0, 0, 2, 0})
}
