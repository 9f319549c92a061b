package runbook

// A Role is the part a version plays in a release: the value of the label role of
// autorollback_release_role.
type Role string

const (
	Candidate Role = "candidate"
	Stable    Role = "stable"
)
