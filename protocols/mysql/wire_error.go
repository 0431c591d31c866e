package mysql

import (
	"encoding/binary"

	"github.com/gatefold/gatefold/protocols"
)

// refused is the code and SQLSTATE of a refusal, by its class (MariaDB's sql/share/errmsg-utf8.txt; MySQL's are the same).
type refused struct {
	code  uint16
	state string
}

// code is the nearest true code of the servers for e.
func codeOf(e *protocols.Error) refused {
	switch e.Class {
	case protocols.ClassLogin:
		return refused{1045, "28000"} // ER_ACCESS_DENIED_ERROR
	case protocols.ClassDenied:
		return refused{1142, "42000"} // ER_TABLEACCESS_DENIED_ERROR
	case protocols.ClassBadRequest:
		return refused{1047, "08S01"} // ER_UNKNOWN_COM_ERROR
	case protocols.ClassUnsupported:
		return refused{1235, "42000"} // ER_NOT_SUPPORTED_YET
	case protocols.ClassTooMany:
		return refused{1040, "08004"} // ER_CON_COUNT_ERROR
	case protocols.ClassTarget:
		return refused{1429, "HY000"} // ER_CONNECT_TO_FOREIGN_DATA_SOURCE
	case protocols.ClassNotRecorded:
		return refused{1021, "HY000"} // ER_DISK_FULL
	case protocols.ClassTooLong:
		return refused{1153, "08S01"} // ER_NET_PACKET_TOO_LARGE
	case protocols.ClassShutdown:
		return refused{1053, "08S01"} // ER_SERVER_SHUTDOWN
	case protocols.ClassIdle, protocols.ClassTime:
		return refused{1927, "70100"} // ER_CONNECTION_KILLED
	}
	return refused{1105, "HY000"} // ER_UNKNOWN_ERROR
}

// maxMessage bounds what an ERR says: the servers' MYSQL_ERRMSG_SIZE.
const maxMessage = 512

// appendError appends the payload of an ERR ("ERR_Packet"): what may be shown of e, its rule and what to do.
func appendError(dst []byte, e *protocols.Error) []byte {
	r := codeOf(e)
	text := e.Message
	if e.Detail != "" {
		text += "; " + e.Detail
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	dst = binary.LittleEndian.AppendUint16(append(dst, answerError), r.code)
	dst = append(append(dst, '#'), r.state...)
	return append(dst, text...)
}

// violation is a breach of the protocol that ends the session.
func violation(message string) *protocols.Error {
	return &protocols.Error{Class: protocols.ClassBadRequest, Message: message}
}
