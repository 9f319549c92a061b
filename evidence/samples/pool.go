package samples

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
)

const (
	atOnce     = 4                // questions under way
	firstPause = time.Second      // after a source has failed for the first time; then twice as long
	mostPause  = 30 * time.Second // and so long at most
	forgetIn   = 10 * time.Minute // what nobody wants any more is forgotten
)

// A Job is a question to one source, and where what it gives is kept.
type Job struct {
	Incident record.Incident
	Stage    string // of the evidence folder
	Ask      Ask
	Until    time.Time // it is tried once at least, and not again after that
}

// key tells jobs apart: a restored store may give an incident's id again, and one that acts after its
// folder was sealed has another one.
func (j Job) key() jobKey {
	return jobKey{j.Incident.ID, j.Incident.OpenedAt.UnixNano(), j.Incident.ActedAt.UnixNano(), j.Stage}
}

type jobKey struct {
	incident      string
	opened, acted int64
	stage         string
}

// A Pool asks for what it is told to, a few questions at a time. Nobody waits for it but [Pool.Run].
type Pool struct {
	asker Asker
	keep  func(context.Context, Job, map[string][]byte) error
	moved func(Job) // is told when something about an incident's jobs has changed

	mu   sync.Mutex
	jobs map[jobKey]*state
	more chan struct{}
}

// state is how far a job has come.
type state struct {
	job     Job
	wanted  time.Time // when somebody wanted it last
	next    time.Time // when it is due
	pause   time.Duration
	busy    bool
	over    bool
	problem string // of the last try; empty: there is none
}

// NewPool makes a pool; nothing is asked until [Pool.Run]. What is had is given to keep; moved is
// called, without a lock, where a job has failed or ended.
func NewPool(a Asker, keep func(context.Context, Job, map[string][]byte) error, moved func(Job)) *Pool {
	return &Pool{asker: a, keep: keep, moved: moved, jobs: map[jobKey]*state{}, more: make(chan struct{}, 1)}
}

// Want has the jobs done, each once. It never waits.
func (p *Pool) Want(now time.Time, jobs ...Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range jobs {
		s, ok := p.jobs[j.key()]
		if !ok {
			s = &state{job: j, next: now, pause: firstPause}
			p.jobs[j.key()] = s
			select {
			case p.more <- struct{}{}:
			default:
			}
		}
		s.wanted = now
	}
	for key, s := range p.jobs {
		if !s.busy && now.Sub(s.wanted) > forgetIn {
			delete(p.jobs, key)
		}
	}
}

// Open reports whether one of the jobs is not over yet.
func (p *Pool) Open(jobs ...Job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(jobs, func(j Job) bool { s, ok := p.jobs[j.key()]; return !ok || !s.over })
}

// Lacks says what the jobs could not get by now, and why, one text for each.
func (p *Pool) Lacks(jobs ...Job) (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range jobs {
		if s, ok := p.jobs[j.key()]; ok && s.problem != "" {
			all = append(all, s.problem)
		}
	}
	return all
}

// Run asks until ctx ends, and returns once what is under way has ended.
func (p *Pool) Run(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for ctx.Err() == nil {
		s, wait := p.due(time.Now())
		if s != nil {
			g.Go(func() error { p.try(ctx, s); return nil }) // waits while so many are under way
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-p.more:
		}
	}
	return g.Wait()
}

// due is the job that has been due for the longest time, which is then busy; or how long until one is.
func (p *Pool) due(now time.Time) (first *state, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = time.Hour
	for _, s := range p.jobs {
		switch {
		case s.busy || s.over:
		case s.next.After(now):
			wait = min(wait, s.next.Sub(now))
		case first == nil || cmp.Or(s.next.Compare(first.next), cmp.Compare(s.job.Stage, first.job.Stage)) < 0:
			first = s
		}
	}
	if first != nil {
		first.busy = true
	}
	return first, wait
}

func (p *Pool) try(ctx context.Context, s *state) {
	files, err := p.asker.Ask(ctx, s.job.Ask)
	if err == nil {
		err = p.keep(ctx, s.job, files)
	}
	if ctx.Err() != nil {
		return // we are stopping: that is no answer
	}
	p.tried(s, err, time.Now())
	p.moved(s.job)
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *Pool) tried(s *state, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.busy, s.problem = false, ""
	if err == nil {
		s.over = true
		return
	}
	s.problem = record.Truncate(s.job.Stage+": "+err.Error(), record.MaxValue)
	s.next, s.pause = now.Add(s.pause), min(2*s.pause, mostPause)
	s.over = s.next.After(s.job.Until)
}
