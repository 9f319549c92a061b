package report

import "github.com/autorollback/autorollback/runbook"

// A Folder keeps the evidence of incidents, one folder each, on a local disk.
type Folder struct{ Dir string }

// A Stage is one completed capture.
type Stage struct {
	Name   string // "before" or "after": the traffic left
	Path   string
	Digest string // of the stage's own manifest, "sha256:…"
}

// The stages of a capture.
const (
	Before = "before"
	After  = "after"
)

// Problem is one thing wrong with an evidence folder.
type Problem struct{ File, What string }

func (f Folder) Capture(inc runbook.Incident, stage string, parts map[string][]byte) (path, digest string, err error) {
	panic("not yet")
}
func (f Folder) Seal(inc runbook.Incident, keep runbook.Duration, pages map[string][]byte) (digest string, err error) {
	panic("not yet")
}
func (f Folder) Stages(incident string) ([]Stage, error) { panic("not yet") }
func Check(dir string) []Problem                         { panic("not yet") }
