package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/protocols"
)

func decodeError(t *testing.T, b []byte) *pgproto3.ErrorResponse {
	t.Helper()
	var m pgproto3.ErrorResponse
	if len(b) < 5 || b[0] != 'E' {
		t.Fatalf("no ErrorResponse: %q", b)
	}
	if err := m.Decode(b[5:]); err != nil {
		t.Fatal(err)
	}
	return &m
}

func TestSQLStates(t *testing.T) {
	for _, tt := range []struct {
		class                  protocols.Class
		error_, fatal, atLogin string
	}{
		{protocols.ClassInternal, "XX000", "XX000", "XX000"},
		{protocols.ClassLogin, "28P01", "28P01", "28P01"},
		{protocols.ClassDenied, "42501", "28000", "28000"},
		{protocols.ClassBadRequest, "08P01", "08P01", "08P01"},
		{protocols.ClassUnsupported, "0A000", "0A000", "0A000"},
		{protocols.ClassTooMany, "53300", "53300", "53300"},
		{protocols.ClassTarget, "08006", "08006", "57P03"},
		{protocols.ClassNotRecorded, "53100", "53100", "53100"},
		{protocols.ClassTooLong, "54000", "54000", "54000"},
		{protocols.ClassShutdown, "57P01", "57P01", "57P01"},
		{protocols.ClassIdle, "57P05", "57P05", "57P05"},
		{protocols.ClassTime, "57P01", "57P01", "57014"},
	} {
		e := &protocols.Error{Class: tt.class, Message: "m"}
		for want, got := range map[string]*pgproto3.ErrorResponse{
			"ERROR " + tt.error_:  decodeError(t, errorResponse(e, severityError)),
			"FATAL " + tt.fatal:   decodeError(t, errorResponse(e, severityFatal)),
			"FATAL " + tt.atLogin: decodeError(t, loginRefusal(e)),
		} {
			if s := got.Severity + " " + got.Code; s != want || got.SeverityUnlocalized != got.Severity {
				t.Errorf("class %d: %s, want %s", tt.class, s, want)
			}
		}
	}
}

func TestRefusalSaysRuleAndHint(t *testing.T) {
	e := &protocols.Error{Class: protocols.ClassDenied, Message: "no\x00SFATAL\x00", Detail: "Because.", Hint: "Ask \xff.", Rule: "no-salaries",
		Cause: errors.New("password=hunter2")}
	got := decodeError(t, errorResponse(e, severityError))
	if got.Message != "no?SFATAL?" || got.Detail != "Because.\nRefused by rule no-salaries." || got.Hint != "Ask ?." {
		t.Errorf("%+v", got)
	}
	if strings.Contains(string(errorResponse(e, severityError)), "hunter2") {
		t.Error("the cause is shown")
	}
	long := decodeError(t, errorResponse(&protocols.Error{Message: strings.Repeat("é", maxErrorField)}, severityError))
	if len(long.Message) > maxErrorField+1 {
		t.Errorf("a message of %d bytes", len(long.Message))
	}
}

func TestOnlyErrorsMadeToBeShownAreShown(t *testing.T) {
	if got := protocols.AsError(errors.New("dial tcp 10.0.0.1: secret")); strings.Contains(got.Message+got.Detail+got.Hint, "secret") {
		t.Errorf("%+v", got)
	}
}
