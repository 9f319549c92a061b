package policy

import (
	"slices"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Role is what somebody may do. Operate, Approve and Admin each contain View, and View contains
// Metrics; none of the three contains another.
type Role string

const (
	Metrics Role = "metrics" // read /metrics, and whether the process is well
	View    Role = "view"    // read everything, change nothing
	Operate Role = "operate" // start, promote, flip, hold, resume and roll back releases; mirrors
	Approve Role = "approve" // answer the questions that the daemon asks
	Admin   Role = "admin"   // control, quarantines, held splits, shadow verdicts, reload, synthetic alerts
)

// AllRoles are the roles, the least first.
func AllRoles() []Role { return []Role{Metrics, View, Operate, Approve, Admin} }

// contains reports whether who has a role may do what needs another. A role that is none of
// the five is contained in nothing.
func (r Role) contains(need Role) bool {
	switch need {
	case Metrics:
		return slices.Contains(AllRoles(), r)
	case View:
		return r != Metrics && slices.Contains(AllRoles(), r)
	case Operate, Approve, Admin:
		return r == need
	}
	return false
}

// Everybody among the names of Metrics or View stands for whoever has signed in. Elsewhere it is
// the name of nobody.
const Everybody = "*"

// Roles are the names of the people who have each role, for every service.
type Roles map[Role][]string

// Have reports whether a name has what is needed, for every service.
func (all Roles) Have(name string, need Role) bool {
	for role, names := range all {
		everybody := (role == Metrics || role == View) && slices.Contains(names, Everybody)
		if role.contains(need) && (everybody || name != Everybody && slices.Contains(names, name)) {
			return true
		}
	}
	return false
}

// An Access is everything that it rests on whether a request is answered.
type Access struct {
	Name, How string // of the one who asks, as verified; no How: nobody has signed in
	Need      Role
	Service   string // that it is about; empty: no service, or all of them
	// Later: the service is known only once the request is read. A role for any one of them
	// is enough until then, and Access is asked again.
	Later    bool
	Roles    Roles              // of the roles file; nil: there is none
	Runbooks []*runbook.Runbook // each names people for its own service
	CanSign  bool               // there is a way to sign in
}

// MayAccess says why somebody may not do what needs a role; nil: they may. Who is not named may
// do nothing. Without a roles file whoever has signed in may look, and a runbook's people
// do what it names them for. Where there is no way to sign in, and nobody has said that this is
// meant, only Metrics is open.
func MayAccess(in Access) error {
	switch {
	case in.How == record.Unauthenticated:
		return nil
	case in.How == "" && in.Need == Metrics && !in.CanSign:
		return nil
	case in.How == "":
		return runbook.Forbid("nobody has signed in")
	case in.Roles.Have(in.Name, in.Need), in.Roles == nil && View.contains(in.Need), in.named():
		return nil
	}
	return runbook.Forbid("%s", in.lacks())
}

// named reports whether a runbook gives what is needed.
func (in Access) named() bool {
	for _, rb := range in.Runbooks {
		concerned := in.Later || in.Need == View || in.Need == Metrics || rb.Service == in.Service
		own := Roles{Operate: rb.Policy.Operators, Approve: rb.Policy.Approvers}
		if concerned && own.Have(in.Name, in.Need) {
			return true
		}
	}
	return false
}

// lacks says which role is missing, and who can give it.
func (in Access) lacks() string {
	from := "--web.roles.file does not give it"
	if in.Roles == nil {
		from = "nobody has it without --web.roles.file"
	}
	text := in.Name + " does not have the role " + string(in.Need) + ": " + from
	switch in.Need {
	case Operate:
		return text + ", and no policy.operators of a runbook names " + in.Name + forService(in.Service)
	case Approve:
		return in.Name + " is not among the approvers that a runbook names" + forService(in.Service) + ", and does not have the role approve: " + from
	}
	return text
}

func forService(service string) string {
	if service == "" {
		return ""
	}
	return " for " + service
}
