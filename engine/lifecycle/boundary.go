package lifecycle

import "github.com/autorollback/autorollback/record"

// Boundary names the step that an event's transaction from one state to the next takes, for the crash tests.
func Boundary(ev Event, before, after State) string {
	sent, _ := ev.(MessageSent)
	switch was, is := before.Release, after.Release; {
	case was != nil && is != nil && was.Epoch == is.Epoch && len(is.Pending) < len(was.Pending):
		return WriteBoundary("written", is)
	case after.Write.Shift && after.Open():
		return "launch"
	case after.Write.Shift:
		return "act"
	case after.Write.Advance:
		return "promote"
	case len(after.Write.SwitchOff) > 0:
		return "flags"
	case len(after.Write.Sent) > 0:
		return MessageBoundary("told", sent.Incident, sent.Kind)
	case after.Release != nil && after.Release.ReadBack() && (before.Release == nil || !before.Release.ReadBack()):
		return "read-back"
	case standbyMoved(before.Release, after.Release):
		return "standby" // nothing rests on it that the next probe would not find
	case after.Incident == nil:
		return rampBoundary(before, after)
	case before.Incident == nil || before.Incident.ID != after.Incident.ID:
		return "open"
	case before.Incident.Phase != after.Incident.Phase:
		return string(after.Incident.Phase)
	}
	return "note"
}

// standbyMoved reports whether the last known good of an open release came to another state.
func standbyMoved(was, is *record.Release) bool {
	return was != nil && is != nil && is.Standby != nil && (was.Standby == nil || is.Standby.State != was.Standby.State)
}

// rampBoundary names what changes a release, and nothing else.
func rampBoundary(before, after State) string {
	was, is := before.Release, after.Release
	switch {
	case was == nil || is == nil:
		return "release"
	case was.Phase == record.Open && is.Phase == record.Closed:
		return "proved"
	case is.Asking != "" && is.Asking != was.Asking:
		return "asked"
	case is.Proof != nil && !is.Proof.DoneAt.IsZero() && was.Proof != nil && was.Proof.DoneAt.IsZero():
		return "checked"
	}
	return "release"
}

// MessageBoundary tells the boundaries of messages that belong to no incident from each other and from those
// that do: each kind is a step of its own.
func MessageBoundary(name, incident, kind string) string {
	if incident == "" {
		return name + "-" + kind
	}
	return name
}

// WriteBoundary tells the boundaries of a rollback's pending write from the others.
func WriteBoundary(name string, r *record.Release) string {
	if r.Phase == record.RolledBack {
		return name + "-back"
	}
	return name
}
