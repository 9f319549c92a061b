package regions_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/view"
)

// A finder says what was found in its region.
type finder struct {
	checks []view.Check
	legs   []view.Leg
	err    error
}

func (f finder) Examine(context.Context) (view.Examination, error) {
	return view.Examination{Schema: 1, Checks: f.checks}, f.err
}

func (f finder) Fire(context.Context) (view.Firing, error) {
	return view.Firing{Schema: 1, Legs: f.legs}, f.err
}

// What is found says in which region, and none is left out.
func TestTheDoctorLooksAtEveryRegion(t *testing.T) {
	us := finder{
		checks: []view.Check{{Part: "store", Name: "reads", State: view.CheckOff, What: "no route to host"}},
		legs:   []view.Leg{{From: "prometheus", To: "alertmanager", State: view.CheckOff}},
	}
	eu := finder{
		checks: []view.Check{{Part: "store", Name: "reads", State: view.CheckOK}, {Part: "rules", Name: "ranker", State: view.CheckOK}},
		legs:   []view.Leg{{From: "prometheus", To: "alertmanager", State: view.CheckOK}},
	}
	all := regions.Doctors{"us": us, "eu": eu}
	e, err := all.Examine(t.Context())
	if err != nil || e.Schema != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	var names []string
	for _, c := range e.Checks {
		names = append(names, c.Part+" "+c.Name)
	}
	if want := []string{"store eu: reads", "rules eu: ranker", "store us: reads"}; !slices.Equal(names, want) || e.Findings() != 1 {
		t.Errorf("checks are %q, want %q; %d findings", names, want, e.Findings())
	}
	f, err := all.Fire(t.Context())
	if err != nil || len(f.Legs) != 2 || f.Legs[0].From != "eu: prometheus" || f.Legs[1].From != "us: prometheus" || f.Findings() != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	busy := errors.New("another examination is under way")
	all["us"] = finder{err: busy}
	if _, err := all.Examine(t.Context()); !errors.Is(err, busy) {
		t.Errorf("one that cannot look now: %v", err)
	}
	if _, err := all.Fire(t.Context()); !errors.Is(err, busy) {
		t.Errorf("one that cannot look now: %v", err)
	}
}
