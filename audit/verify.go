package audit

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/autorollback/autorollback/record"
)

// A Kept is a head of a journal that was kept elsewhere, and where.
type Kept struct {
	record.Head
	Where string // "the store", "incident inc-…", "a message"
}

// A Verified is what is known of a journal whose chain has no break.
type Verified struct {
	Head     record.Head // its last line
	Anchored uint64      // the last line that was found as it was kept elsewhere; 0: none, so it may be another journal
}

// VerifyJournal reads the whole file. It fails with [ErrJournal], naming the first line that is
// wrong, also if one of the heads that were kept is not in the chain: then lines at the end
// were cut off or all was written anew. An unfinished last line is an error as well:
// opening the journal repairs it. A link is not followed.
func VerifyJournal(path string, kept ...Kept) (Verified, error) {
	f, err := openAlone(path, os.O_RDONLY, 0)
	if err != nil {
		return Verified{}, fmt.Errorf("verify journal: %w", err)
	}
	defer f.Close()
	c := newChain(f)
	c.expect = map[uint64]Kept{}
	for _, k := range kept {
		if have, ok := c.expect[k.Lines]; ok && have.Digest != k.Digest {
			return Verified{}, fmt.Errorf("verify journal %s: %w: %s and %s say two things of line %d", path, ErrJournal, have.Where, k.Where, k.Lines)
		}
		if k.Lines > 0 {
			c.expect[k.Lines] = k
		}
	}
	if err := c.readAll(); err != nil {
		return Verified{}, fmt.Errorf("verify journal %s: %w", path, err)
	}
	v := Verified{Head: c.head}
	for _, n := range slices.Sorted(maps.Keys(c.expect)) {
		if n > c.head.Lines {
			return Verified{}, fmt.Errorf("verify journal %s: %w: %s has its line %d, and it has %d lines", path, ErrJournal, c.expect[n].Where, n, c.head.Lines)
		}
		v.Anchored = n
	}
	return v, nil
}
