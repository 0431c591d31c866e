package record

// Part is where a field is encoded: the envelope stays for ever, a payload can be erased.
type Part uint8

const (
	Envelope Part = 1 + iota
	Payload
)

// Type is how a field is encoded behind its number. FORMAT.md of package recorder is the byte table.
type Type uint8

const (
	TypeID      Type = 1 + iota // 16 bytes
	TypeUint                    // uvarint, not 0
	TypeInt                     // zigzag uvarint, not 0
	TypeTime                    // unix nanoseconds: 8 bytes, little endian, two's complement, not 0
	TypeFixed                   // 8 bytes, little endian, not 0
	TypeBytes                   // uvarint length, not 0, and the bytes
	TypeString                  // as TypeBytes
	TypeStrings                 // uvarint count, not 0, and each with its length, which may be 0
	TypeParams                  // uvarint count, not 0, and each: uvarint type, byte format, uvarint 0 for NULL or length+1, value
)

// Field is one line of the table that codec, schemas, exports and their tests agree on.
type Field struct {
	Num  uint8  // its number in the encoding, below 128. Never used for anything else
	Name string // of the field of Record
	Part Part
	Type Type
}

// Fields are all the fields of Record by ascending number. It is not to be changed at run time.
var Fields = []Field{
	{1, "Session", Envelope, TypeID},
	{2, "Seq", Envelope, TypeUint},
	{3, "Of", Envelope, TypeUint},
	{4, "At", Envelope, TypeTime},
	{5, "Took", Envelope, TypeInt},
	{6, "Rows", Envelope, TypeUint},
	{7, "Bytes", Envelope, TypeUint},
	{8, "Length", Envelope, TypeUint},
	{9, "Stream", Envelope, TypeUint},
	{10, "Epoch", Envelope, TypeUint},
	{11, "Kind", Envelope, TypeUint},
	{12, "Verdict", Envelope, TypeUint},
	{13, "Outcome", Envelope, TypeUint},
	{14, "Flags", Envelope, TypeUint},
	{15, "Code", Envelope, TypeBytes},
	{16, "InsertID", Envelope, TypeUint}, // these two since envelope version 2
	{17, "Warnings", Envelope, TypeUint},

	{32, "Text", Payload, TypeBytes},
	{33, "Params", Payload, TypeParams},
	{34, "Name", Payload, TypeBytes},
	{35, "Portal", Payload, TypeBytes},
	{36, "Message", Payload, TypeBytes},
	{37, "Hash", Payload, TypeBytes},
	{38, "Digest", Payload, TypeFixed},
	{39, "Rule", Payload, TypeString},
	{40, "Actions", Payload, TypeStrings},
	{41, "Tables", Payload, TypeStrings},
	{42, "Columns", Payload, TypeStrings},
	{43, "Programs", Payload, TypeStrings}, // these two since payload version 2
	{44, "Paths", Payload, TypeStrings},

	{64, "User", Payload, TypeString},
	{65, "Account", Payload, TypeString},
	{66, "Target", Payload, TypeString},
	{67, "Database", Payload, TypeString},
	{68, "Protocol", Payload, TypeString},
	{69, "Client", Payload, TypeString},
	{70, "App", Payload, TypeString},
	{71, "TLS", Payload, TypeString},
	{72, "Gateway", Payload, TypeString},
	{73, "Build", Payload, TypeString},
	{74, "Config", Payload, TypeString},
	{75, "Policy", Payload, TypeString},
	{76, "Credential", Payload, TypeString},
	{77, "Peer", Payload, TypeString},
	{78, "PID", Payload, TypeUint},
	{79, "Version", Payload, TypeString},
	{80, "Parent", Payload, TypeID},
}
