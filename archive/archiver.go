package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Records are the incidents of all regions.
type Records interface {
	// Incidents are those that are asked for, newest first, without their history.
	Incidents(ctx context.Context, q view.IncidentQuery) (view.IncidentPage, error)
	// Incident is a whole one; an error that wraps [runbook.ErrNotFound] says that there is none any more.
	Incident(ctx context.Context, id string) (record.Incident, error)
	// Archived keeps in an incident that its evidence is in the archive.
	Archived(ctx context.Context, inc record.Incident, a record.Archived) error
}

// A Helper does one task; see [keeper.Program].
type Helper interface {
	Do(ctx context.Context, q keeper.Request) (keeper.Answer, error)
}

// A Journal keeps what this process did.
type Journal interface {
	Append(incident string, records ...record.Record) error
}

// Options of an [Archiver].
type Options struct {
	Where  string // the archive's address; empty: there is none, and nothing is archived
	Folder audit.Folder
	Every  time.Duration // between two looks at the incidents
	// KeepLocal is for how long a folder that is in the archive stays here after its incident was
	// closed, 0: for ever; and Calendar when old ones are removed.
	KeepLocal time.Duration
	Calendar  runbook.Calendar
}

// An Archiver copies sealed evidence into the archive.
type Archiver struct {
	opts    Options
	records Records
	helper  Helper
	journal Journal
	log     *zap.Logger
	metrics *metrics

	mu     sync.Mutex
	stand  view.Archive
	failed map[string]attempts // by the manifest's digest
}

// attempts are those that failed.
type attempts struct {
	n    int
	next time.Time
}

// New makes an archiver. Nothing happens until [Archiver.Run].
func New(records Records, helper Helper, journal Journal, reg prometheus.Registerer, log *zap.Logger, o Options) *Archiver {
	o.Every = cmp.Or(o.Every, 5*time.Second)
	a := &Archiver{opts: o, records: records, helper: helper, journal: journal, log: log, failed: map[string]attempts{}}
	a.stand.Where = o.Where
	a.metrics = newMetrics(reg, a)
	return a
}

// Run archives until ctx ends.
func (a *Archiver) Run(ctx context.Context) error {
	t := time.NewTicker(a.opts.Every)
	defer t.Stop()
	cleaned := time.Now()
	for {
		a.turn(ctx, time.Now())
		if a.due(cleaned, time.Now()) {
			cleaned = time.Now()
			a.clean(ctx, cleaned)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Stand is how it stands.
func (a *Archiver) Stand() view.Archive {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stand
}

// Probe finds out whether the archive takes an object and gives it back.
func (a *Archiver) Probe(ctx context.Context) error {
	if a.opts.Where == "" {
		return errors.New("there is no archive")
	}
	_, err := a.helper.Do(ctx, keeper.Request{Task: keeper.Probe, Archive: a.opts.Where, Within: probeWithin})
	return err
}

const (
	// probeWithin is how long an archive may take for a test object.
	probeWithin = 20 * time.Second
	// mostListed is how many incidents are looked at.
	mostListed = 20_000
	// mostFailed ends a turn: the archive is down, and the others need not find that out.
	mostFailed = 3
	// A copy that failed is tried again after the first pause, which doubles until the longest.
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
)

// turn copies what is sealed and not archived, those that failed least and then the oldest first.
func (a *Archiver) turn(ctx context.Context, now time.Time) {
	waiting, err := a.waiting(ctx)
	if err != nil {
		a.note(func(s *view.Archive) { s.Problem = err.Error() })
		return
	}
	elsewhere, failed := 0, 0
	for _, inc := range waiting {
		dir, digest, err := a.opts.Folder.Sealed(inc)
		if err != nil || digest != inc.EvidenceDigest {
			elsewhere++
			continue
		}
		if a.opts.Where == "" || failed >= mostFailed || a.attempts(inc).next.After(now) || ctx.Err() != nil {
			continue
		}
		if !a.tried(ctx, inc, dir, now) {
			failed++
		}
	}
	left := slices.DeleteFunc(waiting, func(i record.Incident) bool { return a.attempts(i).n < 0 })
	a.note(func(s *view.Archive) {
		s.Waiting, s.Elsewhere, s.Oldest = len(left), elsewhere, time.Time{}
		for _, i := range left {
			if s.Oldest.IsZero() || i.EvidenceAt.Before(s.Oldest) {
				s.Oldest = i.EvidenceAt
			}
		}
		if len(left) == 0 {
			s.Problem = ""
		}
	})
}

// done marks an incident that is archived, or gone from the store, as no attempt is.
const done = -1

// waiting are the sealed incidents that are not archived.
func (a *Archiver) waiting(ctx context.Context) ([]record.Incident, error) {
	p, err := a.records.Incidents(ctx, view.IncidentQuery{Limit: mostListed})
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	all := slices.DeleteFunc(p.Incidents, func(i record.Incident) bool {
		return !i.Sealed() || i.InArchive() || a.attempts(i).n == done
	})
	slices.SortStableFunc(all, func(x, y record.Incident) int {
		return cmp.Or(cmp.Compare(a.attempts(x).n, a.attempts(y).n), x.EvidenceAt.Compare(y.EvidenceAt))
	})
	return all, nil
}

// tried copies one folder, and reports whether the next may be tried as well.
func (a *Archiver) tried(ctx context.Context, inc record.Incident, dir string, now time.Time) bool {
	err := a.copy(ctx, inc, dir)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil, errors.Is(err, runbook.ErrNotFound):
		a.remember(inc, attempts{n: done})
		a.note(func(s *view.Archive) { s.Problem = "" })
		return true
	}
	was := a.attempts(inc)
	pause := min(firstPause<<min(was.n, 10), longestPause)
	a.remember(inc, attempts{was.n + 1, now.Add(pause)})
	a.metrics.failures.Inc()
	a.log.Warn("archive evidence", zap.String("incident", inc.ID), zap.Duration("again_in", pause), zap.Error(err))
	a.note(func(s *view.Archive) { s.Problem = record.Truncate(inc.ID+": "+err.Error(), record.MaxLine) })
	return false
}

// copy has the helper copy a folder and read it back, and keeps that in the incident.
func (a *Archiver) copy(ctx context.Context, inc record.Incident, dir string) error {
	if _, err := a.records.Incident(ctx, inc.ID); err != nil {
		return err
	}
	name := objectName(inc.ID, inc.EvidenceDigest)
	answer, err := a.helper.Do(ctx, keeper.Request{Task: keeper.Archive, Archive: a.opts.Where, Folder: dir, Name: name, Digest: inc.EvidenceDigest})
	if err != nil {
		return err
	}
	a.metrics.archived.Inc()
	a.log.Info("evidence archived", zap.String("incident", inc.ID), zap.Int("files", answer.Files), zap.String("archive", a.opts.Where))
	return a.records.Archived(ctx, inc, record.Archived{At: time.Now().UTC(), Where: below(a.opts.Where, name), Digest: inc.EvidenceDigest,
		Files: answer.Files, Bytes: answer.Bytes})
}

// objectName is the folder of a copy in the archive. Two incidents of one id, as after a store was restored,
// have two.
func objectName(id, digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	return id + "/" + hex[:min(len(hex), 16)]
}

// below is a folder's address in an archive, without the archive's options but the prefix.
func below(where, name string) string {
	base, query, _ := strings.Cut(where, "?")
	return strings.TrimSuffix(base, "/") + "/" + prefixOf(query) + name
}

func (a *Archiver) attempts(i record.Incident) attempts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed[i.EvidenceDigest]
}

func (a *Archiver) remember(i record.Incident, t attempts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed[i.EvidenceDigest] = t
}

func (a *Archiver) note(change func(*view.Archive)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.stand)
}

// prefixOf is the folder in the bucket that the archive's address names.
func prefixOf(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return q.Get("prefix")
}
