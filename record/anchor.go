package record

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Head is the last line of a journal: its number, from 1, and its sha256 in hex. The zero
// Head is that of an empty journal.
type Head struct {
	Lines  uint64 `json:"lines"`
	Digest string `json:"digest"`
}

// String is the head as messages and commands write it: "LINES:sha256:HEX".
func (h Head) String() string { return fmt.Sprintf("%d:sha256:%s", h.Lines, h.Digest) }

// ParseHead reads what [Head.String] wrote.
func ParseHead(text string) (Head, error) {
	lines, digest, _ := strings.Cut(text, ":sha256:")
	n, err := strconv.ParseUint(lines, 10, 64)
	if raw, wrong := hex.DecodeString(digest); err != nil || n == 0 || wrong != nil || len(raw) != 32 {
		return Head{}, fmt.Errorf("%q is no head of a journal: write LINES:sha256:HEX, as the message has it", text)
	}
	return Head{Lines: n, Digest: digest}, nil
}

// An Anchor is the head of a replica's journal, kept where whoever can write the journal's file
// cannot: at key "anchor/<replica>", in incidents, and in messages.
type Anchor struct {
	Schema  int    `json:"schema,omitempty"`
	Replica string `json:"replica"` // whose journal; the same after a restart
	Head
	At        time.Time `json:"at,omitzero"`
	Signature string    `json:"signature,omitempty"` // of String, as OpenSSH makes it, in base64
	// Lost are heads that the journal had and does not have any more: it was cut or written anew.
	Lost []LostHead `json:"lost,omitempty"`
}

// String names the replica and the head of its journal, as messages write it.
func (a Anchor) String() string { return a.Replica + " " + a.Head.String() }

// Altered says that the journal was cut or written anew, as far as it was ever found; empty: it was not.
func (a Anchor) Altered() string {
	if len(a.Lost) == 0 {
		return ""
	}
	l := a.Lost[len(a.Lost)-1]
	return fmt.Sprintf("the journal of %s was truncated or rewritten: at %s its line %d was missing", a.Replica, l.FoundAt.UTC().Format(time.RFC3339), l.Lines)
}

// Next is what is stored in place of a, the anchor that was found, once the journal has come to
// mine; has says whether the journal still has a's head. A head that it has not is kept as lost.
func (a Anchor) Next(mine Anchor, has bool, now time.Time) Anchor {
	mine.Lost = a.Lost
	if !has && a.Lines > 0 {
		lost := LostHead{Head: a.Head, At: a.At, Signature: a.Signature, FoundAt: now}
		mine.Lost = append(slices.Clone(a.Lost[:min(len(a.Lost), mostLost-1)]), lost)
	}
	return mine
}

// mostLost bounds what is kept of heads that were lost: the first ones, and the newest.
const mostLost = 8

// A LostHead is a head that was anchored and that the journal no longer has.
type LostHead struct {
	Head
	At        time.Time `json:"at,omitzero"` // when it was anchored
	Signature string    `json:"signature,omitempty"`
	FoundAt   time.Time `json:"found_at"` // when it was missed
}

// mostAnchors bounds the replicas whose heads an incident keeps.
const mostAnchors = 8

// Anchor keeps the head of a replica's journal, in place of an older one of that replica.
func (i *Incident) Anchor(a Anchor) {
	if a.Lines == 0 {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(i.Anchors), func(old Anchor) bool { return old.Replica == a.Replica })
	i.Anchors = append(kept[max(0, len(kept)-mostAnchors+1):], a)
}
