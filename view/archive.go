package view

import (
	"fmt"
	"time"
)

// An Archive is how the archive of evidence stands, as the process that answers sees it.
type Archive struct {
	Where     string    `json:"where,omitempty"`   // its address; empty: there is none
	Waiting   int       `json:"waiting"`           // sealed incidents that are not in it
	Elsewhere int       `json:"elsewhere"`         // of them, those whose folder is not here
	Oldest    time.Time `json:"oldest,omitzero"`   // when the first of them was sealed
	Problem   string    `json:"problem,omitempty"` // of the newest attempt; empty: it worked, or there was none
}

// Says is what people must know of it; empty: nothing.
func (a Archive) Says() string {
	if a.Waiting == 0 {
		return ""
	}
	text := fmt.Sprintf("evidence of %d incidents is not archived", a.Waiting)
	if a.Waiting == 1 {
		text = "evidence of 1 incident is not archived"
	}
	switch {
	case a.Where == "":
		text += ": serve has no --evidence.archive, and it stays on the daemon's disk"
	case a.Problem != "":
		text += ": " + a.Problem
	case a.Elsewhere > 0:
		text += fmt.Sprintf("; %d of them are not on this replica", a.Elsewhere)
	}
	return text
}
