// Package engine is the reconcile loop: it reads the state of one service in one region,
// steps it (package lifecycle says what becomes of it), commits what changed in one
// check-and-set transaction, and carries out the effects the new state asks for.
//
// Effects are a function of the committed state alone, so a process that died at any
// point is resumed by reading the state again. Any number of replicas may run: a lost
// race is read again and decided again.
//
// What a transaction cannot hold, because its keys are kept in another place (store.Place), is
// committed as a pending write of the release and carried out afterwards, by check-and-set at an
// index that was read together with the record which asks for it. So a writer that was held up on
// its way, or one that has read an older record, cannot land over a newer write.
//
// It holds no lock across processes, never acts on an alert that Prometheus does not
// confirm, and never writes a split over one that somebody else wrote.
package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/engine/known"
	"github.com/autorollback/autorollback/evidence/samples"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

const (
	watchdog = rules.WatchdogTrigger
	blind    = rules.BlindTrigger
	doctor   = rules.DoctorTrigger
)

// A Target is one service in one region: the unit that is stepped and committed.
type Target struct{ Service, Region string }

func (t Target) String() string { return t.Service + "/" + t.Region }

// An Engine runs the reconcile loop for every service it has a runbook of. Any number of
// engines may run on one store.
type Engine struct {
	store   store.Store
	prom    *verify.Prometheus
	monitor Monitor
	arming  Arming
	regions Regions
	archive Archive
	samples *samples.Pool // asks for recorded requests and logs, beside everything else
	post    Post
	journal Journal
	catalog Catalog       // nil: the store is none
	memory  *known.Memory // what was seen in the store, now and before this process began
	log     *zap.Logger
	metrics *metrics
	opts    Options
	// predictor asks services for stored predictions
	predictor verify.Predictor
	client    *http.Client // asks services, and instances of their routers

	begun   sync.RWMutex // read-held by work that outlives its caller; Run waits for it
	waiting atomic.Int64 // alerts of webhooks that are under way

	mu          sync.RWMutex
	services    map[string]service
	last        map[Target]record.Release    // as last read or committed; for the exported roles
	stands      map[Target]stand             // how each target stood when it was last read or committed
	incidents   map[string]record.Incident   // those that are known, as briefs
	behind      map[Target]float64           // 1: the store has less of it than is known
	checks      map[string]record.RulesCheck // by service: how its rules compared the last time
	drifts      []rules.Drift                // of the newest comparison of all rules
	driftsSeen  time.Time                    // when that was
	unarmed     map[string][]rules.Drift     // by service with an open release: of its newest check
	unarmedSeen time.Time                    // when that was
	semaphores  map[Target]semaphore         // one event of a target at a time in this process

	bundles    sync.Map // digest → runbook.Bundle
	looks      sync.Map // target → treeLook
	planned    sync.Map // service → plan: what its triggers can decide at its traffic
	captured   sync.Map // incident/stage → true: captured by this process
	toldOther  sync.Map // service and why the store is another one → true: its people were told
	way        wayIn
	refusals   refusals
	said       hush      // what the watcher's alerts came to
	trail      trail     // what became of all alerts
	written    hush      // what of it stands in the journal
	blindSince time.Time // when Prometheus stopped answering the watcher; zero: it answers

	refused map[Target]refusal // whose turn has come in a release through several regions

	anchored anchored // of keepAnchor alone

	blunt map[string]bluntness // by release and trigger; of checkArming alone

	comparing sync.Mutex // one service's check is made at a time

	observed map[Target]time.Time // when all instances of its router were asked; of observeRouters alone
	standbys map[Target]sighting  // of probeStandbys alone
	probed   map[Target]time.Time // when the gates of triggers without significance were asked; under mu
	confirms shared[confirmKey, record.Breach]
	views    shared[Target, *snapshot]
	lives    shared[string, lived] // by approval

	recounted shared[string, recounted]      // by incident whose evidence is elsewhere
	sinceMove shared[string, *record.Impact] // by incident whose traffic was moved
	asked     shared[string, []record.Curve] // by release: of triggers that compare nothing

	readBack chan struct{} // a split was read back: its router is asked
	retarget chan struct{} // a release began, ended or changed its weight
	requeue  chan Target
	couriers []*courier // one for each sink
}

// service is a runbook with what was compiled from it.
type service struct {
	rb     *runbook.Runbook
	router actuators.Router
	ask    rules.Questions
}

// Options are the engine's settings. Zero values mean the defaults.
type Options struct {
	Replica        string        // this process in claims and logs
	Region         string        // the only one that this engine is about; empty: all of each runbook
	OwnPrometheus  bool          // that region shares its Prometheus with no other
	Version        string        // of this program, kept as evidence
	ControlByTwo   bool          // to take automation away takes two people
	WatchEvery     time.Duration // between two questions of the watcher, default 5s; negative: no watcher
	ReconcileEvery time.Duration // between two looks at every open release, default 5s
	ArmingEvery    time.Duration // between two checks of what keeps triggers of open releases from firing, default 10s
	RulesEvery     time.Duration // between two comparisons of the rules in Prometheus, default 10m; negative: none
	// Jitter draws a pause of at most so long between two tries of a decision; nil: at random.
	Jitter func(most time.Duration) time.Duration
	// Archives: a sealed incident that is not archived yet stays in the store.
	Archives bool
	// Boundary, if set, is called at every step boundary with its name. The crash
	// tests end the process there.
	Boundary func(name string)
}

// Parts are what an engine works with.
type Parts struct {
	Store      store.Store
	Prometheus *verify.Prometheus
	Monitor    Monitor
	Arming     Arming  // nil: nothing is checked
	Regions    Regions // nil: there is one
	Archive    Archive
	Samples    samples.Asker // without a client it uses Client
	Post       Post
	Journal    Journal
	Past       []record.AlertResult // what the journal knows of alerts before this process began, oldest first
	Seen       []record.Seen        // and what it had seen in the stores
	Log        *zap.Logger
	Registerer prometheus.Registerer
	Client     *http.Client // for stored predictions and the router's instances; nil: a plain one
}

// An Archive keeps the evidence of incidents. Capturing a stage twice is harmless.
type Archive interface {
	// Capture keeps the parts, by file name, of one stage, "before", "after", "followup" or one of a source
	// beside the first two, and returns the digest of the stage's manifest.
	Capture(inc record.Incident, stage string, parts map[string][]byte) (digest string, err error)
	// Seal adds the incident page and the hash manifest and returns the folder's
	// path and the manifest's digest.
	Seal(inc record.Incident, rb *runbook.Runbook) (path, digest string, err error)
	// Read returns a part that was captured of an incident, of the newest stage that has it;
	// an error that wraps fs.ErrNotExist means that it is not here.
	Read(inc record.Incident, part string) ([]byte, error)
}

// A Post brings messages to people, by sinks that know nothing of each other.
type Post interface {
	// Sinks are the names of all sinks.
	Sinks() []string
	// For are the sinks that a message goes to.
	For(m record.Message) []string
	// Send returns who got it, in words, or an error if nobody did: the message is then offered again,
	// unless that is [notify.Refused].
	Send(ctx context.Context, sink string, m record.Message) (string, error)
}

// A Monitor knows what is proved about each open release.
type Monitor interface {
	// Watch says which releases are open and get traffic, until the next call or ctx ends.
	Watch(ctx context.Context, targets []monitor.Target)
	// Significance is what is known of a trigger at a moment; if nothing is, it says why.
	Significance(release, trigger string, now time.Time) record.Significance
	// Blunted says from which effect on a trigger could prove harm, where the runbook names a
	// smaller one; empty: it does not, or nobody knows.
	Blunted(release, trigger string, now time.Time) string
	// Proved says, once for each interval, that some trigger is significant.
	Proved() <-chan struct{}
	// Curves are the levels of a release's triggers over time, as they were counted; false: the
	// release is not watched.
	Curves(release string) ([]record.Curve, bool)
	// Record counts a release anew. It returns what its significance was computed from, until
	// the end of an interval, compressed, and the curves of its triggers until another moment.
	Record(ctx context.Context, t monitor.Target, until, through time.Time) ([]byte, []record.Curve, error)
	// History counts a release anew, and hands over each interval with its results, oldest first.
	History(ctx context.Context, t monitor.Target, until time.Time, f func(monitor.Step, map[string]analysis.Result)) error
	// Impact says what users lost from when harm began until a moment, counted anew.
	Impact(ctx context.Context, t monitor.Target, h monitor.Harm, until time.Time) (record.Impact, error)
	// ImpactSoFar says it of a release that is watched, as of now; it asks nobody.
	ImpactSoFar(release string, h monitor.Harm, now time.Time) record.Impact
	// Harmed is when all traffic turned bad, of a trigger with an absolute limit; zero: nobody can tell.
	Harmed(release string, t runbook.Trigger) record.Onset
}

// A Journal keeps every record that this process committed.
type Journal interface {
	Append(incident string, records ...record.Record) error
	// Anchor is its head now. One without a replica is kept nowhere else.
	Anchor() record.Anchor
	// Has reports whether a head that was kept elsewhere is one of its lines.
	Has(record.Head) (bool, error)
}

// New makes an engine for the runbooks. Nothing runs until [Engine.Run].
func New(p Parts, runbooks []*runbook.Runbook, o Options) (*Engine, error) {
	o.WatchEvery = cmp.Or(o.WatchEvery, 5*time.Second)
	o.ReconcileEvery = cmp.Or(o.ReconcileEvery, 5*time.Second)
	o.RulesEvery = cmp.Or(o.RulesEvery, 10*time.Minute)
	o.ArmingEvery = cmp.Or(o.ArmingEvery, 10*time.Second)
	if o.Jitter == nil {
		o.Jitter = mathrand.N[time.Duration]
	}
	p.Client = cmp.Or(p.Client, outbound.New(outbound.Options{}))
	e := &Engine{
		prom: p.Prometheus, monitor: p.Monitor, arming: p.Arming, regions: p.Regions,
		archive: p.Archive, post: p.Post, journal: p.Journal, memory: known.New(o.Region, p.Seen), log: p.Log, opts: o,
		predictor: predictorOf(p.Client), client: p.Client,
		last: map[Target]record.Release{}, stands: map[Target]stand{}, incidents: map[string]record.Incident{}, behind: map[Target]float64{}, checks: map[string]record.RulesCheck{}, semaphores: map[Target]semaphore{},
		refused: map[Target]refusal{}, probed: map[Target]time.Time{}, observed: map[Target]time.Time{},
		requeue: make(chan Target, 256), retarget: make(chan struct{}, 1), readBack: make(chan struct{}, 1),
	}
	p.Samples.Client = cmp.Or(p.Samples.Client, p.Client)
	e.samples = samples.NewPool(p.Samples, e.keepSamples, e.samplesMoved)
	e.recounted.keep, e.asked.keep, e.sinceMove.keep = time.Minute, 15*time.Second, 15*time.Second
	e.store = ownStore{p.Store, e.memory}
	e.catalog, _ = p.Store.(Catalog)
	e.metrics, e.trail.lists = newMetrics(o.labelled(p.Registerer)), map[string]*kept{}
	p.Registerer.MustRegister(roles{e}, routerInstances{e})
	e.couriers = couriersOf(e, p.Post)
	err := e.Reload(runbooks)
	e.recall(p.Past)
	return e, err
}

// Reload replaces the runbooks, all or none.
func (e *Engine) Reload(runbooks []*runbook.Runbook) error {
	services, err := e.compile(runbooks)
	if err != nil {
		return err
	}
	for _, s := range services {
		e.metrics.service(s.rb)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.services = services
	return nil
}

// Check says why Reload would refuse the runbooks; nil: it would not.
func (e *Engine) Check(runbooks []*runbook.Runbook) error {
	_, err := e.compile(runbooks)
	return err
}

func (e *Engine) compile(runbooks []*runbook.Runbook) (map[string]service, error) {
	services := map[string]service{}
	for _, rb := range runbooks {
		if !e.opts.has(rb) {
			continue
		}
		rb = e.opts.only(rb)
		router, err := actuators.For(rb.In(rb.Regions[0]).Routing) // of others see [service.in]
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", rb.File, err)
		}
		if err := store.Lacks(e.store, router.Prefixes()...); err != nil {
			return nil, fmt.Errorf("load %s: routing.router is %s, and %w, or take another router", rb.File, rb.Routing.Router, err)
		}
		ask, err := rules.Ask(rb)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", rb.File, err)
		}
		services[rb.Service] = service{rb, router, ask}
	}
	return services, nil
}

// serves returns what this process has for a target.
func (e *Engine) serves(target Target) (service, error) {
	s, ok := e.service(target.Service)
	if !ok {
		return s, fmt.Errorf("runbook of %s: %w (%s)", target.Service, runbook.ErrNotFound, e.served())
	}
	if !s.rb.HasRegion(target.Region) {
		return s, fmt.Errorf("region %s of %s: %w", target.Region, target.Service, runbook.ErrNotFound)
	}
	return s.in(target.Region)
}

// Runbook returns the runbook of a service.
func (e *Engine) Runbook(service string) (*runbook.Runbook, bool) {
	s, ok := e.service(service)
	return s.rb, ok
}

func (e *Engine) service(name string) (service, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	s, ok := e.services[name]
	return s, ok
}

// runbooks are those of the services here, by name.
func (e *Engine) runbooks() []*runbook.Runbook {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var all []*runbook.Runbook
	for _, s := range e.services {
		all = append(all, s.rb)
	}
	slices.SortFunc(all, func(a, b *runbook.Runbook) int { return strings.Compare(a.Service, b.Service) })
	return all
}

// served names the services here, for whoever asked for another one.
func (e *Engine) served() string {
	var names []string
	for _, rb := range e.runbooks() {
		names = append(names, rb.Service)
	}
	return "services here: " + strings.Join(names, ", ")
}

// A semaphore lets one event of a target at a time into this process. Whoever waits for it can
// give up, as nobody could who waits for a mutex.
type semaphore chan struct{}

func (s semaphore) acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s semaphore) release() { <-s }

func (e *Engine) semaphore(target Target) semaphore {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.semaphores[target]
	if !ok {
		s = make(semaphore, 1)
		e.semaphores[target] = s
	}
	return s
}

func newOp() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
