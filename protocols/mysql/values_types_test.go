package mysql

import "testing"

// MariaDB 10.11 reads no byte of a value of these types and then takes what was meant as that value for the next: what ran was
// not what was on record. A NULL has no bytes to disagree about.
func TestValuesThatServersReadInSeveralWays(t *testing.T) {
	value := []byte{3, 'a', 'b', 'c', 3, 'd', 'e', 'f'}
	for kind := range 256 {
		types := []byte{byte(kind), 0, 0xfd, 0}
		v := values{types: types, count: 2}
		_, _, params, ok := v.feed(value, true, nil)
		switch kind {
		case typeInt24, typeYear, typeBit, typeGeometry, 0x11, 0xf4:
			if ok || len(params) > 0 {
				t.Errorf("type %#x is read as %v", kind, params)
			}
		case 0x00, 0x0f, typeJSON, 0xf6, 0xfa, typeBlob, 0xfd, 0xfe:
			if !ok || len(params) != 2 || string(params[0].Value) != "abc" || string(params[1].Value) != "def" {
				t.Errorf("type %#x is read as %v", kind, params)
			}
		}
		null := values{types: types, count: 2, null: []byte{1}}
		if _, _, params, ok := null.feed(value[4:], true, nil); !ok || len(params) != 2 || !params[0].Null || string(params[1].Value) != "def" {
			t.Errorf("NULL of type %#x is read as %v", kind, params)
		}
	}
}
