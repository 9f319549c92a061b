package policy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

func TestWhatTakesTwoPeople(t *testing.T) {
	every := []runbook.TwoPeople{runbook.RejectTwice, runbook.PromoteAfterFreeze, runbook.AcceptSplit, runbook.LiftQuarantine}
	for _, c := range []struct {
		name string
		in   policy.Protected
		by   []runbook.TwoPeople // any of which asks for two
	}{
		{"a first no", policy.Protected{Action: record.OrderReject}, nil},
		{"a second no", policy.Protected{Action: record.OrderReject, Rejected: true}, []runbook.TwoPeople{runbook.RejectTwice}},
		{"a ramp that a person stopped", policy.Protected{Action: record.OrderResume}, nil},
		{"a frozen ramp", policy.Protected{Action: record.OrderResume, Frozen: true}, []runbook.TwoPeople{runbook.PromoteAfterFreeze}},
		{"a split", policy.Protected{Action: record.OrderAcceptSplit}, []runbook.TwoPeople{runbook.AcceptSplit}},
		{"a split, which ends a freeze", policy.Protected{Action: record.OrderAcceptSplit, Frozen: true}, []runbook.TwoPeople{runbook.AcceptSplit, runbook.PromoteAfterFreeze}},
		{"a quarantine", policy.Protected{Action: record.OrderLift}, []runbook.TwoPeople{runbook.LiftQuarantine}},
		{"rolling back", policy.Protected{Action: record.OrderRollback, Rejected: true, Frozen: true}, nil},
		{"approving", policy.Protected{Action: record.OrderApprove, Rejected: true, Frozen: true}, nil},
		{"stopping the ramp", policy.Protected{Action: record.OrderHold, Frozen: true}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, asks := range every {
				want := false
				for _, one := range c.by {
					want = want || one == asks
				}
				if got := policy.TwoPeople(&runbook.Runbook{Policy: runbook.Policy{TwoPeople: []runbook.TwoPeople{asks}}}, c.in); got != want {
					t.Errorf("%s: two people is %t, want %t", asks, got, want)
				}
			}
			if policy.TwoPeople(&runbook.Runbook{}, c.in) || policy.TwoPeople(nil, c.in) {
				t.Error("it takes two people where nobody asks for it")
			}
		})
	}
}

// Whatever comes in whatever order, what is carried out was ordered by two people who signed in under
// different names, within an hour.
func TestSecondPersonModel(t *testing.T) {
	hows := []string{record.BasicAuth, record.BasicAuth, record.ClientCertificate, record.ProxyHeader, record.LinkOnly, record.Unauthenticated, record.BySignal, record.InStore, "", "made_up"}
	carried := 0
	rapid.Check(t, func(t *rapid.T) {
		now := fixture.Morning
		var waiting *record.WaitingOrder
		var verified []record.Order // what came, by people who signed in
		for range rapid.IntRange(1, 12).Draw(t, "orders") {
			now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "minutes")) * time.Minute)
			o := record.Order{At: now, Caller: record.Caller{Name: rapid.SampledFrom([]string{"ann", "Ann", "bob", "eve", ""}).Draw(t, "by"), How: rapid.SampledFrom(hows).Draw(t, "how")}}
			carryOut, err := policy.Second(o, waiting, now)
			signedIn := o.Name != "" && (o.How == record.BasicAuth || o.How == record.ClientCertificate || o.How == record.ProxyHeader)
			switch {
			case err != nil && carryOut:
				t.Fatal("refused and carried out")
			case !signedIn && !errors.Is(err, runbook.ErrRefused):
				t.Fatalf("%+v counts: %t, %v", o.Caller, carryOut, err)
			case carryOut:
				other := false
				for _, v := range verified {
					other = other || !strings.EqualFold(v.Name, o.Name) && now.Sub(v.At) < policy.SecondWithin
				}
				if !other {
					t.Fatalf("%+v alone was enough, after %+v", o.Caller, verified)
				}
				waiting, verified = nil, nil
				carried++
				continue
			case err == nil:
				o.Waits = now.Add(policy.SecondWithin)
				waiting = &record.WaitingOrder{Order: o}
			}
			if signedIn {
				verified = append(verified, o)
			}
		}
	})
	if carried == 0 {
		t.Error("nothing was ever carried out")
	}
}
