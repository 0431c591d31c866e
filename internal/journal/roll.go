package journal

// Roll goes on in a new segment. What lies in this one goes from the disk when it is released: that is all that it is for,
// when something was erased elsewhere. Without room for another segment beside what is held it is ErrFull, and nothing
// has changed.
func (j *Journal) Roll() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.off == headerSize {
		return j.err
	}
	if _, err := j.makeRoom(j.cur.size-j.off+1, 0); err != nil {
		return err
	}
	if j.off > headerSize { // makeRoom gives mu up for a while
		j.roll()
		j.poke()
	}
	return nil
}
