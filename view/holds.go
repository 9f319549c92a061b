package view

import "fmt"

// Holds is how it stands with the images of rollbacks, as the process that answers sees it.
type Holds struct {
	On      bool   `json:"on"`                // they are held
	Waiting int    `json:"waiting"`           // incidents with an image that is not held
	Problem string `json:"problem,omitempty"` // of the newest attempt; empty: it worked, or there was none
}

// Says is what people must know of it; empty: nothing.
func (h Holds) Says() string {
	if !h.On || h.Waiting == 0 {
		return ""
	}
	text := fmt.Sprintf("images of %d incidents are not held", h.Waiting)
	if h.Waiting == 1 {
		text = "images of 1 incident are not held"
	}
	if h.Problem != "" {
		text += ": " + h.Problem
	}
	return text
}
