package mysql

import (
	"bytes"
	"math"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// KILL is how clients cancel: mysql's Ctrl-C logs in again and says KILL QUERY with the id from its greeting, which is the
// gateway's own. Of one's own sessions, which the gateway knows, it is passed on with the target's number in it;
// otherwise it is a statement like any other.

// killText reads "KILL [HARD|SOFT] [CONNECTION|QUERY] number" in its plain spelling. form is all of it before the number.
func killText(text []byte) (id uint64, form string, ok bool) {
	if len(text) > 100 || !hasWord(bytes.TrimLeft(text, " \t\r\n"), "kill") {
		return 0, "", false
	}
	fields := bytes.Fields(bytes.TrimRight(text, "; \t\r\n"))
	form = "KILL "
	for _, f := range fields[1:max(1, len(fields)-1)] {
		switch word := string(bytes.ToUpper(f)); word {
		case "HARD", "SOFT", "CONNECTION", "QUERY":
			form += word + " "
		default:
			return 0, "", false
		}
	}
	if len(fields) < 2 || len(fields) > 4 {
		return 0, "", false
	}
	id, ok = killID(string(fields[len(fields)-1]))
	return id, form, ok
}

// killID reads the number. Clients that keep the id of the greeting in a signed number write it with a minus (Connector/J).
func killID(s string) (uint64, bool) {
	if negative, err := strconv.ParseInt(s, 10, 64); err == nil && negative < 0 {
		return uint64(uint32(negative)), negative >= math.MinInt32
	}
	id, err := strconv.ParseUint(s, 10, 64)
	return id, err == nil
}

// killPrepared puts the target's number into a KILL of one's own session that is prepared. What it does is judged as any
// statement's.
func (m *machine) killPrepared(asked []byte) (sent, note []byte) {
	id, form, ok := killText(asked)
	if !ok || m.find == nil {
		return nil, nil
	}
	thread, ok := m.find(id)
	if !ok {
		return nil, nil
	}
	return strconv.AppendUint([]byte(form), thread, 10), append([]byte("asked: "), asked...)
}

// kill passes a KILL on that names one of the user's own sessions. own is false for another, which is judged as what it is.
func (m *machine) kill(asked []byte, id uint64, form string, out *relay.Out) (taken, own bool, err error) {
	if m.find == nil {
		return false, false, nil
	}
	thread, ok := m.find(id)
	if !ok {
		return false, false, nil
	}
	sent := strconv.AppendUint([]byte(form), thread, 10)
	rec := record.Record{Kind: record.KindCancel, Text: sent, Message: append([]byte("asked: "), asked...)}
	answer, there := m.ask(protocols.Action{Record: rec}, out)
	if !there {
		return false, true, nil
	}
	msg := appendPacket(nil, 0, m.queryPayload(string(sent)))
	if answer.Verdict != record.VerdictAllow {
		return true, true, m.refused(m.cmd.last, answer, out)
	}
	out.ToServer.Append(msg)
	m.sent(answer, phaseFirst)
	return true, true, nil
}
