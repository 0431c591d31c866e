package record

// Extend adds a KindData record to the record that it goes on with (Of), for those who join what was split. Text goes on
// with the value that was cut: the last parameter or, where r has none, the text. All other fields of piece are appended
// to those of r. r must own its slices, as after Clone; piece's are copied.
func (r *Record) Extend(piece *Record) {
	if n := len(r.Params); n > 0 {
		r.Params[n-1].Value = append(r.Params[n-1].Value, piece.Text...)
	} else {
		r.Text = append(r.Text, piece.Text...)
	}
	for _, p := range piece.Params {
		if p.Value != nil {
			p.Value = append([]byte(nil), p.Value...)
		}
		r.Params = append(r.Params, p)
	}
	r.Name = append(r.Name, piece.Name...)
	r.Portal = append(r.Portal, piece.Portal...)
	r.Message = append(r.Message, piece.Message...)
	r.Actions = append(r.Actions, piece.Actions...)
	r.Tables = append(r.Tables, piece.Tables...)
	r.Columns = append(r.Columns, piece.Columns...)
	r.Programs = append(r.Programs, piece.Programs...)
	r.Paths = append(r.Paths, piece.Paths...)
	if piece.Flags&FlagMore == 0 {
		r.Flags &^= FlagMore
	}
}
