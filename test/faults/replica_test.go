package faults

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// A proc is one replica: a process that may die and be started again, with its journal.
type proc struct {
	r       *run
	n       int
	name    string
	journal string // the file

	mu    sync.Mutex
	alive *life // nil: it is dead
	lives int
}

// A life is one process of a replica. Once it is gone, nothing it does reaches the world, but
// what it has sent before does.
type life struct {
	*proc
	e     *engine.Engine
	file  *audit.Journal
	gone  chan struct{}
	calls sync.WaitGroup // from outside
	over  chan struct{}  // Run has returned

	mu    sync.Mutex
	dead  bool
	dieIn int // boundaries until it crashes; 0: it does not
}

func (p *proc) current() *life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive
}

// tick is a bit more than the time that a lost request takes to be given up, so that the two never
// end at the same moment: which of them a select sees first would be chance.
const tick = 5*time.Second + 7919*time.Nanosecond

// start begins a new process.
func (p *proc) start() {
	r := p.r
	l := &life{proc: p, gone: make(chan struct{}), over: make(chan struct{})}
	jitter := func(what string) func(time.Duration) time.Duration {
		return func(most time.Duration) time.Duration {
			d := r.dice(p.name, what)
			return d.upTo(most)
		}
	}
	kv, err := store.OpenConsul(store.ConsulConfig{Address: "consul", Scheme: "http", Replica: p.name, Transport: wire{l}, Jitter: jitter("store")})
	r.must(err)
	l.file, err = audit.OpenJournal(p.journal, p.name)
	r.must(err)
	seen, err := l.file.Seen()
	r.must(err)
	reg := prometheus.NewRegistry()
	l.e, err = engine.New(engine.Parts{
		Store: kv, Prometheus: verify.New(sight{l}, 0), Monitor: sight{l}, Log: zap.NewNop(), Registerer: reg, Archive: shelf{l}, Journal: book{l}, Seen: seen,
		Post: notify.New(reg, notify.Options{}, notify.Sink{Name: "chat", Sender: chat{l}}),
	}, r.runbooks, engine.Options{Replica: p.name, WatchEvery: tick, ReconcileEvery: tick, RulesEvery: -1, Jitter: jitter("engine"), Boundary: l.boundary})
	r.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(l.over)
		r.must(l.e.Run(ctx))
	}()
	go func() { // a dead process goes on in a world that answers it nothing, until its calls have ended
		<-l.gone
		l.calls.Wait()
		time.Sleep(actWithin + time.Second) // Run waits for what was begun with a mutex, and then no time passes
		cancel()
	}()
	p.mu.Lock()
	p.alive, p.lives = l, p.lives+1
	p.mu.Unlock()
	r.note("%s starts", p.name)
}

// boundary counts down to a crash.
func (l *life) boundary(name string) {
	l.mu.Lock()
	l.dieIn--
	dies := l.dieIn == 0 && !l.dead
	l.mu.Unlock()
	if dies {
		l.r.note("%s crashes %s", l.name, name)
		l.die()
	}
}

// crashAt has the process die at a boundary from now on, or at once.
func (l *life) crashAt(n int) {
	if n == 0 {
		l.r.note("%s crashes", l.name)
		l.die()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dieIn = n
}

func (l *life) die() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return
	}
	l.dead = true
	close(l.gone)
	l.r.must(l.file.Close())
	l.proc.mu.Lock()
	l.proc.alive = nil
	l.proc.mu.Unlock()
}

func (l *life) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// call is somebody's request; its answer is lost with the process.
func (l *life) call(f func(context.Context) error) error {
	l.calls.Add(1)
	defer l.calls.Done()
	if l.isDead() {
		return errDead
	}
	err := f(context.Background())
	if l.isDead() {
		return errDead
	}
	return err
}

// book is the journal, in a file.
type book struct{ l *life }

func (b book) Anchor() record.Anchor { return b.l.file.Anchor() }

func (b book) Has(h record.Head) (bool, error) { return b.l.file.Has(h) }

func (b book) Append(incident string, lines ...record.Record) error {
	b.l.mu.Lock()
	defer b.l.mu.Unlock()
	if b.l.dead {
		return errDead
	}
	if err := b.l.file.Append(incident, lines...); err != nil {
		return err
	}
	b.l.r.journaled(lines)
	return nil
}

// shelf is the archive, without a disk.
type shelf struct{ l *life }

func (s shelf) Capture(record.Incident, string, map[string][]byte) (string, error) {
	return "sha256:0", s.err()
}

func (s shelf) Seal(record.Incident, *runbook.Runbook) (string, string, error) {
	return "folder", "sha256:sealed", s.err()
}

func (s shelf) Read(record.Incident, string) ([]byte, error) { return nil, fs.ErrNotExist }

func (s shelf) err() error {
	if s.l.isDead() {
		return errDead
	}
	return nil
}

// chat is where messages come to.
type chat struct{ l *life }

func (c chat) Send(ctx context.Context, m record.Message, _ string) error {
	l := c.l
	if err := l.awake(ctx, "chat"); err != nil {
		return err
	}
	d := l.r.dice(l.name, "chat")
	if err := l.wait(ctx, time.Millisecond+d.upTo(20*time.Millisecond), nil); err != nil {
		return err
	}
	if _, is := l.r.plan.now(l.r.at(), -1, chatDown); is {
		return errRefused
	}
	l.r.told(m)
	if _, is := l.r.plan.now(l.r.at(), -1, chatLost); is && d.n(2) == 0 {
		l.r.mu.Lock()
		l.r.unheard[m.ID]++
		l.r.mu.Unlock()
		return errReset
	}
	return l.wait(ctx, time.Millisecond+d.upTo(5*time.Millisecond), nil)
}

func journalOf(dir string, n int) string { return filepath.Join(dir, string(rune('a'+n))+".jsonl") }
