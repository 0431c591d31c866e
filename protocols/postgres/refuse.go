package postgres

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/protocols"
)

// Severities of an ErrorResponse (PostgreSQL's documentation, section 55.8). An ERROR ends a statement, a FATAL the
// session.
const (
	severityError = "ERROR"
	severityFatal = "FATAL"
)

// maxErrorField bounds each field of an ErrorResponse, bytes.
const maxErrorField = 4 << 10 // 4 KiB

// sqlState is the SQLSTATE (PostgreSQL's documentation, appendix A) of a refusal inside a session.
func sqlState(class protocols.Class, severity string) string {
	switch class {
	case protocols.ClassLogin:
		return "28P01" // invalid_password
	case protocols.ClassDenied:
		if severity == severityFatal {
			return "28000" // invalid_authorization_specification
		}
		return "42501" // insufficient_privilege
	case protocols.ClassBadRequest:
		return "08P01" // protocol_violation
	case protocols.ClassUnsupported:
		return "0A000" // feature_not_supported
	case protocols.ClassTooMany:
		return "53300" // too_many_connections
	case protocols.ClassTarget:
		return "08006" // connection_failure
	case protocols.ClassNotRecorded:
		return "53100" // disk_full
	case protocols.ClassTooLong:
		return "54000" // program_limit_exceeded
	case protocols.ClassShutdown, protocols.ClassTime:
		return "57P01" // admin_shutdown: every driver knows it as "connect again"
	case protocols.ClassIdle:
		return "57P05" // idle_session_timeout
	}
	return "XX000" // internal_error
}

// loginState is the SQLSTATE of a refusal before the client is in.
func loginState(e *protocols.Error) string {
	var refused *targetError
	if errors.As(e.Cause, &refused) && refused.tellable() {
		return refused.code
	}
	switch e.Class {
	case protocols.ClassTarget:
		return "57P03" // cannot_connect_now: libpq then tries the next of several hosts
	case protocols.ClassTime:
		return "57014" // query_canceled, as PostgreSQL says when authentication_timeout is over
	}
	return sqlState(e.Class, severityFatal)
}

// errorResponse encodes a refusal inside a session as an ErrorResponse.
func errorResponse(e *protocols.Error, severity string) []byte {
	return encodeError(e, severity, sqlState(e.Class, severity))
}

// loginRefusal encodes a refusal before the client is in.
func loginRefusal(e *protocols.Error) []byte {
	return encodeError(e, severityFatal, loginState(e))
}

func encodeError(e *protocols.Error, severity, code string) []byte {
	detail := e.Detail
	if e.Rule != "" {
		detail = strings.TrimPrefix(detail+"\n", "\n") + "Refused by rule " + e.Rule + "."
	}
	msg := pgproto3.ErrorResponse{
		Severity:            severity,
		SeverityUnlocalized: severity,
		Code:                code,
		Message:             errorField(e.Message),
		Detail:              errorField(detail),
		Hint:                errorField(e.Hint),
	}
	return encode(&msg)
}

// errorField makes s fit for a field: bounded, without the NUL that would end it, and UTF-8.
func errorField(s string) string {
	if len(s) > maxErrorField {
		s = s[:maxErrorField]
	}
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	}
	return s
}

// encode encodes messages one after the other. Those that the gateway makes always encode.
func encode(messages ...pgproto3.Message) []byte {
	var b []byte
	for _, m := range messages {
		var err error
		if b, err = m.Encode(b); err != nil {
			panic("encode a message of the gateway's own: " + err.Error())
		}
	}
	return b
}
