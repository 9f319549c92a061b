package shadow

import (
	"errors"
	"fmt"
)

// A BadRecord is one record that could not be read. Reading goes on after it.
type BadRecord struct {
	File   string
	Line   int64 // 1-based: where the record begins
	Record int64 // 1-based
	What   string
	Mend   string
}

// Error returns "FILE:LINE: record N: what; mend".
func (b BadRecord) Error() string {
	return fmt.Sprintf("%s:%d: record %d: %s; %s", b.File, b.Line, b.Record, b.What, b.Mend)
}

// Bad counts records that could not be used, and remembers the first of them.
type Bad struct {
	Count int64    `json:"count"`
	First []string `json:"first,omitempty"`
	Show  int      `json:"-"` // how many to remember; 10 if 0, none if negative
}

// Note counts err if it is about one record and says whether it was.
func (b *Bad) Note(err error) bool {
	var bad BadRecord
	if !errors.As(err, &bad) {
		return false
	}
	b.Count++
	show := b.Show
	if show == 0 {
		show = 10
	}
	if len(b.First) < show {
		b.First = append(b.First, bad.Error())
	}
	return true
}
