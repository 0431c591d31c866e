package record

import "encoding/binary"

// The put functions append a field's number and value, or nothing where the value is zero. They are small enough to be
// inlined, so that an empty field costs a comparison.

func putUint(dst []byte, num byte, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return appendUint(dst, num, v)
}

func appendUint(dst []byte, num byte, v uint64) []byte {
	return binary.AppendUvarint(append(dst, num), v)
}

func putFixed(dst []byte, num byte, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return appendFixed(dst, num, v)
}

func appendFixed(dst []byte, num byte, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, num), v)
}

func putID(dst []byte, num byte, id *ID) []byte {
	if *id == (ID{}) {
		return dst
	}
	return append(append(dst, num), id[:]...)
}

func putBytes(dst []byte, num byte, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	return appendBytes(dst, num, v)
}

func appendBytes(dst []byte, num byte, v []byte) []byte {
	return append(appendUint(dst, num, uint64(len(v))), v...)
}

func putString(dst []byte, num byte, v string) []byte {
	if v == "" {
		return dst
	}
	return appendString(dst, num, v)
}

func appendString(dst []byte, num byte, v string) []byte {
	return append(appendUint(dst, num, uint64(len(v))), v...)
}

func putStrings(dst []byte, num byte, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = appendUint(dst, num, uint64(len(list)))
	for _, v := range list {
		dst = append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	}
	return dst
}

func putParams(dst []byte, num byte, list []Param) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = appendUint(dst, num, uint64(len(list)))
	for i := range list {
		p := &list[i]
		dst = append(binary.AppendUvarint(dst, uint64(p.Type)), p.Format)
		if p.Null {
			dst = append(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(p.Value))+1), p.Value...)
	}
	return dst
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
