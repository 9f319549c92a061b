// Package doctor checks that everything is wired which the daemon rests on: Prometheus scrapes
// it and has its rules, Alertmanager sends alerts to it at once and with its token, the store
// lets it write, the router's instances serve what it says, and its folders are there. Each check says what it found and what to do. It
// also sends a synthetic alert the whole way, and measures each leg.
//
// It never decides anything, never writes what stays, and never changes what it examines.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// A Doctor examines one daemon. All fields are needed except Secrets. It is safe for
// concurrent use.
type Doctor struct {
	Prometheus *promapi.Client
	Arming     arming.Checker
	Store      store.Store
	HTTP       *http.Client // asks Alertmanagers and the routers' instances

	// Status is how the installation stands, and Runbook the service's.
	Status  func(context.Context) (view.Status, error)
	Runbook func(service string) (*runbook.Runbook, bool)
	// Rules compares the runbooks with what Prometheus has loaded.
	Rules func(context.Context, []*runbook.Runbook) ([]rules.Drift, error)
	// Watchdog is when the watchdog last came by webhook, Synthetic when the synthetic alert
	// of an id did; zero: never. Calls are the newest that the receiver took and refused.
	Watchdog  func() time.Time
	Synthetic func(id string) time.Time
	Calls     func() (accepted, refused Call)

	ReceiverPath string    // what the webhook's address ends in
	Bearer       bool      // the receiver demands a token
	Started      time.Time // of the process
	ProcessStart float64   // as it exports process_start_time_seconds; 0: it does not
	WebPort      string
	Evidence     string // folder
	Archive      Archive
	Holds        func() view.Holds // of images
	Journal      string            // file
	Secrets      []string          // files that nobody else may read

	busy sync.Mutex // an examination is some hundred questions, and one at a time is enough
}

// A Call is a webhook call and its answer.
type Call struct {
	At   time.Time
	From string
	Code int
	Text string
}

// Parts of an examination, in the order of causes: what is wrong with one shows in those below.
const (
	prometheusPart   = "prometheus"
	rulesPart        = "rules"
	alertmanagerPart = "alertmanager"
	receiverPart     = "receiver"
	storePart        = "store"
	routerPart       = "router"
	filesPart        = "files"
	releasePart      = "release"
	runbookPart      = "runbook"
)

var parts = []string{
	prometheusPart, rulesPart, alertmanagerPart, receiverPart, storePart, routerPart, filesPart, releasePart, runbookPart,
}

const (
	// within bounds an examination, and askWithin one question.
	within    = 45 * time.Second
	askWithin = 5 * time.Second
	// parallel is how many releases or keys are looked at at once, most how many at all.
	parallel = 4
	most     = 20
)

// An Archive is where sealed evidence is copied.
type Archive interface {
	// Stand is how it stands; without an address there is none.
	Stand() view.Archive
	// Probe finds out whether it takes an object and gives it back.
	Probe(ctx context.Context) error
}

// A patient is what an examination is about.
type patient struct {
	*Doctor
	status   view.Status
	runbooks []*runbook.Runbook // by service
	probed   func() error       // what came of a test object, which is written once
}

// errBusy is the error while another examination is under way.
var errBusy = fmt.Errorf("%w: the doctor is busy", runbook.ErrLater)

// Examine checks everything. What cannot be found out is unknown. While another one is under
// way it returns an error wrapping [runbook.ErrLater].
func (d *Doctor) Examine(ctx context.Context) (view.Examination, error) {
	if !d.busy.TryLock() {
		return view.Examination{}, errBusy
	}
	defer d.busy.Unlock()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	p := patient{Doctor: d, probed: sync.OnceValue(func() error { return d.Archive.Probe(ctx) })}
	reads, answers := p.read(ctx), d.answers(ctx)
	sections := []func(context.Context) []view.Check{p.files, p.receiver, p.rights, p.routers, p.instances, p.selfChecks}
	if answers.State == view.CheckOK {
		sections = append(sections, p.prometheus, p.rules, p.alertmanagers, p.releases)
	}
	checks := each(len(sections), sections,
		func(look func(context.Context) []view.Check) []view.Check { return look(ctx) })
	checks = append(checks, reads, answers)
	if reads.State == view.CheckOK {
		checks = append(checks, p.behind()...)
	}
	arrange(checks)
	return view.Examination{Schema: runbook.Schema, At: time.Now().UTC(), Checks: checks}, nil
}

// each looks at all of them, some at once, and puts together what is found in their order.
func each[T, R any](atOnce int, all []T, look func(T) []R) []R {
	found := make([][]R, len(all))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n, one := range all {
		g.Go(func() error { found[n] = look(one); return nil })
	}
	_ = g.Wait() // nothing is returned
	return slices.Concat(found...)
}

// read reads how things stand, which shows that the store can be read.
func (p *patient) read(ctx context.Context) view.Check {
	began := time.Now()
	var err error
	if p.status, err = p.Status(ctx); err != nil {
		return off(storePart, "reads", err.Error(), "let the daemon reach its store, and read all of "+store.Root)
	}
	for _, c := range p.status.Rules {
		if rb, there := p.Runbook(c.Service); there {
			p.runbooks = append(p.runbooks, rb)
		}
	}
	return ok(storePart, "reads", fmt.Sprintf("answers in %s", short(time.Since(began))))
}

// arrange sorts the parts by their worst finding, and checks by how bad they are.
func arrange(checks []view.Check) {
	worst := map[string]int{}
	for _, c := range checks {
		if c.State.Finding() {
			worst[c.Part] = min(worst[c.Part], badness(c.State)-len(checkStates))
		}
	}
	slices.SortStableFunc(checks, func(a, b view.Check) int {
		return cmp.Or(
			cmp.Compare(worst[a.Part], worst[b.Part]),
			cmp.Compare(slices.Index(parts, a.Part), slices.Index(parts, b.Part)),
			cmp.Compare(badness(a.State), badness(b.State)))
	})
}

// checkStates, the worst first.
var checkStates = []view.CheckState{
	view.CheckOff, view.CheckDegraded, view.CheckUnknown, view.CheckOK,
}

func badness(s view.CheckState) int { return slices.Index(checkStates, s) }

func ok(part, name, what string) view.Check {
	return view.Check{Part: part, Name: name, State: view.CheckOK, What: what}
}

func off(part, name, what, fix string) view.Check {
	return view.Check{Part: part, Name: name, State: view.CheckOff, What: what, Fix: fix}
}

func degraded(part, name, what, fix string) view.Check {
	return view.Check{Part: part, Name: name, State: view.CheckDegraded, What: what, Fix: fix}
}

func unknown(part, name, what, fix string) view.Check {
	return view.Check{Part: part, Name: name, State: view.CheckUnknown, What: what, Fix: fix}
}

// short is a time as people read it.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond / 10)
	}
	return d.Round(time.Second / 10)
}
