package faults

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// A kind is what goes wrong, or what somebody does.
type kind string

const (
	// Between a replica and Consul.
	cut      kind = "cut off from Consul"
	lossy    kind = "requests to Consul and answers get lost"
	lateTxn  kind = "transactions reach Consul late"
	noLeader kind = "Consul has no leader"
	restores kind = "somebody restores a snapshot"
	// Of a process.
	crash  kind = "crash"
	freeze kind = "process stopped"
	// Between a replica and Prometheus.
	promDown    kind = "Prometheus down"
	promSlow    kind = "Prometheus slow"
	promEmpty   kind = "Prometheus empty"
	promNaN     kind = "Prometheus says NaN"
	promStale   kind = "Prometheus stale"
	promPartial kind = "Prometheus partial"
	// Webhooks, messages, users.
	hooks    kind = "webhooks lost, late, twice"
	chatDown kind = "chat down"
	chatLost kind = "chat's answer lost"
	outage   kind = "users suffer whatever serves them"
	harmless kind = "the candidate is well"
	// People.
	start    kind = "starts a release"
	byHand   kind = "rolls back"
	writes   kind = "writes the split"
	putsBack kind = "puts the split back"
	pauses   kind = "pauses"
	activate kind = "ends the pause"
	approve  kind = "approves"
	reject   kind = "rejects"
	accept   kind = "accepts the split"
	stop     kind = "stops the ramp"
	resume   kind = "resumes the ramp"
	promote  kind = "promotes"
	lift     kind = "lifts a quarantine"
	bars     kind = "quarantines v1"
	recovers kind = "recovers the store"
	// What somebody does a moment before a transaction on the router's key arrives.
	pausesFirst kind = "pauses first"
	writesFirst kind = "writes the split first"
	barsFirst   kind = "quarantines v1 first"
)

var (
	storeKinds  = []kind{cut, cut, lossy, lossy, lateTxn, lateTxn, noLeader, restores}
	lifeKinds   = []kind{crash, crash, crash, freeze}
	promKinds   = []kind{promDown, promSlow, promEmpty, promNaN, promStale, promPartial}
	otherKinds  = []kind{hooks, hooks, chatDown, chatLost, outage, harmless}
	peopleKinds = []kind{start, start, byHand, writes, writes, putsBack, putsBack, pauses, activate, approve, approve, reject, accept, stop, resume, promote, lift, bars, recovers}
	firstKinds  = []kind{pausesFirst, writesFirst, writesFirst, barsFirst}
)

// A fault is one line of a plan: what happens, to whom, from when on and for how long.
type fault struct {
	ID      int // its own, whatever is taken out of the plan
	Kind    kind
	Who     int // a replica; -1: all of them
	Service int // of what people do
	At, For time.Duration
	N       int // of a crash: at which boundary from then on
}

func (f fault) String() string {
	who := fmt.Sprintf("replica %d", f.Who)
	switch {
	case slices.Contains(peopleKinds, f.Kind):
		return fmt.Sprintf("%7.3fs  #%d somebody at %s %s", f.At.Seconds(), f.ID, services[f.Service], f.Kind)
	case f.Who < 0:
		who = "everywhere"
	}
	if f.Kind == restores {
		return fmt.Sprintf("%7.3fs  #%d %s of %s before", f.At.Seconds(), f.ID, f.Kind, f.For.Round(time.Millisecond))
	}
	text := fmt.Sprintf("%7.3fs  #%d %s: %s for %s", f.At.Seconds(), f.ID, who, f.Kind, f.For.Round(time.Millisecond))
	if f.Kind == crash && f.N > 0 {
		text += fmt.Sprintf(", at boundary %d from then on", f.N)
	}
	return text
}

// A plan is all that is drawn before a run begins.
type plan struct {
	Seed   uint64
	Single bool // one fault, which hits one replica or leaves no time to act
	Faults []fault
}

// storm is when faults end, and calm when a run does.
const (
	storm = 150 * time.Second
	calm  = 150 * time.Second
)

const replicas = 3

var services = []string{"ranker", "shop"}

// planOf draws a plan. One seed in four has a single fault and no people beside those who
// start: then the bound of acting is that of one fault.
func planOf(seed uint64) plan {
	d := diceOf(seed, "plan")
	p := plan{Seed: seed, Single: d.n(4) == 0}
	add := func(f fault) {
		f.ID = len(p.Faults)
		p.Faults = append(p.Faults, f)
	}
	for s := range services[:2-d.n(2)] {
		add(fault{Kind: start, Service: s, At: 3*time.Second + d.upTo(3*time.Second)})
		add(fault{Kind: start, Service: s, At: 65*time.Second + d.upTo(30*time.Second)})
	}
	n := 1
	if !p.Single {
		n = 2 + d.n(9)
	}
	for range n {
		add(drawFault(&d))
	}
	if p.Single {
		return p
	}
	for range d.n(3) {
		at := 8*time.Second + d.upTo(storm-60*time.Second)
		add(fault{Kind: firstKinds[d.n(len(firstKinds))], Who: -1, At: at, For: storm - at})
	}
	for range 2 + d.n(12) {
		add(fault{Kind: peopleKinds[d.n(len(peopleKinds))], Service: d.n(len(services)), At: 8*time.Second + d.upTo(storm-20*time.Second)})
	}
	return p
}

func drawFault(d *dice) fault {
	kinds := [][]kind{storeKinds, storeKinds, lifeKinds, lifeKinds, promKinds, promKinds, otherKinds}[d.n(7)]
	f := fault{Kind: kinds[d.n(len(kinds))], Who: d.n(replicas), At: 5*time.Second + d.upTo(storm-70*time.Second), For: time.Second + d.upTo(60*time.Second)}
	switch f.Kind {
	case noLeader:
		f.Who, f.For = -1, 3*time.Second+d.upTo(15*time.Second)
	case restores:
		f.Who, f.At = -1, max(f.At, 20*time.Second) // For is how old the snapshot is
		f.For = min(f.For, f.At-time.Second)
	case hooks, outage, harmless, chatDown, chatLost:
		f.Who = -1
	case lossy, lateTxn:
		if d.n(3) == 0 {
			f.Who = -1
		}
	case promDown, promEmpty, promNaN, promStale, promSlow, promPartial:
		if f.For += 15 * time.Second; d.n(2) == 0 {
			f.Who = -1
		}
	case crash:
		f.N, f.For = d.n(12), 500*time.Millisecond+d.upTo(20*time.Second)
	}
	return f
}

// without is the plan without some of its faults.
func (p plan) without(drop []fault) plan {
	p.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f fault) bool { return slices.Contains(drop, f) })
	return p
}

// now is what goes on for a replica at a moment, of some kinds.
func (p plan) now(at time.Duration, who int, kinds ...kind) (fault, bool) {
	for _, f := range p.Faults {
		if slices.Contains(kinds, f.Kind) && (f.Who == who || f.Who < 0) && at >= f.At && at < f.At+f.For {
			return f, true
		}
	}
	return fault{}, false
}

func (p plan) String() string {
	all := slices.SortedFunc(slices.Values(p.Faults), func(a, b fault) int { return int(a.At - b.At) })
	lines := make([]string, len(all))
	for n, f := range all {
		lines[n] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Dice give the same numbers for the same seed and label, whoever throws others meanwhile.
type dice struct{ state uint64 }

func diceOf(seed uint64, label string) dice {
	h := fnv.New64a()
	fmt.Fprint(h, seed, label)
	return dice{h.Sum64()}
}

func (d *dice) next() uint64 { // splitmix64
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) n(most int) int { return int(d.next() % uint64(most)) }

func (d *dice) upTo(most time.Duration) time.Duration { return time.Duration(d.next() % uint64(most)) }
