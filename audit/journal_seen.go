package audit

import (
	"fmt"
	"io"

	"github.com/autorollback/autorollback/record"
)

// Seen returns what this and earlier processes wrote down of what they saw in stores, oldest
// first.
func (j *Journal) Seen() ([]record.Seen, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []record.Seen
	c := newChain(io.NewSectionReader(j.file, 0, j.size))
	c.each = func(l line) {
		if l.Seen != nil {
			all = append(all, *l.Seen)
		}
	}
	if err := c.readAll(); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return all, nil
}
