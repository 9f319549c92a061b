package record

import "time"

// An ImageHold is a tag by which an image of a rollback stays in its registry, whatever its garbage collection
// takes away. The registry was asked, and has the image by that tag.
type ImageHold struct {
	At    time.Time `json:"at"`
	Role  string    `json:"role"`  // "stable" or "candidate"
	Image string    `json:"image"` // name@sha256:…
	Tag   string    `json:"tag"`   // name:tag
}
