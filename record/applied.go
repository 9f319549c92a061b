package record

import "time"

// Applied is how far one change of the split has come: written to the store, read back
// from it, and shown by every instance of the router that the runbook names.
type Applied struct {
	Epoch      int              `json:"epoch"` // of the release, since this change
	WrittenAt  time.Time        `json:"written_at"`
	ReadBackAt time.Time        `json:"read_back_at"`        // a consistent read of the store showed it
	AppliedAt  time.Time        `json:"applied_at,omitzero"` // every instance has shown it
	Instances  []RouterInstance `json:"instances,omitempty"` // in the runbook's order
}

// A RouterInstance is one instance of the router, and when its own API first showed the
// split.
type RouterInstance struct {
	Address   string    `json:"address"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
	LeftAt    time.Time `json:"left_at,omitzero"`  // since when it shows another one again; zero: it does not
	LateAt    time.Time `json:"late_at,omitzero"`  // when people were told that it does not follow
	Problem   string    `json:"problem,omitempty"` // what it showed instead then, or why it did not answer
}

// Serves reports whether the instance has shown the split, and no other one since.
func (i RouterInstance) Serves() bool { return !i.AppliedAt.IsZero() && i.LeftAt.IsZero() }

// Late reports whether people were told that the instance does not follow, and it still
// does not.
func (i RouterInstance) Late() bool {
	return !i.LateAt.IsZero() && !i.Serves() && !i.LateAt.Before(i.LeftAt)
}

// Late are the instances that do not follow.
func (a *Applied) Late() []RouterInstance {
	var late []RouterInstance
	if a == nil {
		return late
	}
	for _, i := range a.Instances {
		if i.Late() {
			late = append(late, i)
		}
	}
	return late
}

// ReadBack reports whether the release's present split was read back from the store.
func (r Release) ReadBack() bool { return r.Applied != nil && r.Applied.Epoch == r.Epoch }

// NotApplied are those of the router's instances that have not shown the release's
// present split, or show another one again.
func (r Release) NotApplied(instances []string) []RouterInstance {
	known := map[string]RouterInstance{}
	if r.ReadBack() {
		for _, i := range r.Applied.Instances {
			known[i.Address] = i
		}
	}
	var missing []RouterInstance
	for _, address := range instances {
		if i := known[address]; !i.Serves() {
			i.Address = address
			missing = append(missing, i)
		}
	}
	return missing
}
