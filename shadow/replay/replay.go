// Package replay sends a sample of a recording to the candidate once and to stable twice,
// and writes the pairs in the recording's order, so that a stopped run can be resumed.
//
// It never sends what is not allowed, follows no redirect and never compares answers.
package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
)

// Replay says what to send where.
type Replay struct {
	Recordings []string
	Read       recording.ReadOptions
	Candidate  string // addresses
	Stable     string
	Permyriad  int     // the sample, of 10,000: 500 is 5 %
	Rate       float64 // requests a second at most; each is sent once to the candidate and twice to stable. 0: as fast as they go
	Parallel   int     // requests under way at most
	Timeout    time.Duration
	Allow      []Allow
	Keep       []string // secret headers that are sent on, e.g. Authorization
	Segments   []shadow.SegmentRule
	Output     string // the file of pairs; if it is there, the run goes on
	ShowBad    int

	Progress *Progress // counted while it runs; may be nil
}

// Progress is how far a replay is. It may be read at any time.
type Progress struct {
	Bytes, Total           atomic.Int64 // of the recordings
	Sampled, Sent, Refused atomic.Int64
	Failed                 atomic.Int64 // of those sent, without a good answer of the candidate
	Skipped                atomic.Int64 // done by an earlier run
}

// ErrNotAllowed means that no request of the recording may be sent.
var ErrNotAllowed = errors.New("no request of the recording is allowed")

// errStable means that stable cannot be reached at all.
var errStable = errors.New("stable does not answer")

// maxUnanswered is after how many requests in a row without any answer of stable a replay
// gives up: without stable there is nothing to compare with.
const maxUnanswered = 50

// Run replays until all is sent or ctx ends, and returns what was done. It may be
// called again with the same output after any stop: what was written stays, what was
// under way is sent again.
func (r Replay) Run(ctx context.Context) (shadow.Run, error) {
	header, err := r.header()
	if err != nil {
		return shadow.Run{}, err
	}
	targets, err := r.targets()
	if err != nil {
		return shadow.Run{}, err
	}
	if r.Progress == nil {
		r.Progress = new(Progress)
	}
	r.Progress.Total.Store(header.Bytes)
	out, before, err := recording.OpenPairs(r.Output, header)
	if err != nil {
		return shadow.Run{}, err
	}
	defer out.Close()
	if before.Ended != nil {
		return *before.Ended, nil
	}
	buffered := bufio.NewWriterSize(out, 256<<10)
	workers := &pool{replay: r, targets: targets, before: before, out: buffered}
	run, err := workers.run(ctx)
	if err == nil {
		run.Ended = true
		err = recording.WriteLine(buffered, map[string]shadow.Run{"run": run})
	}
	if flush := buffered.Flush(); err == nil {
		err = flush
	}
	if sync := out.Sync(); err == nil {
		err = sync
	}
	if err != nil {
		return run, fmt.Errorf("replay: %w", err)
	}
	return run, nil
}

func (r Replay) header() (shadow.PairHeader, error) {
	h := shadow.PairHeader{Schema: shadow.SchemaPairs, Kind: "replay", From: r.Recordings, Candidate: r.Candidate, Stable: r.Stable, Permyriad: r.Permyriad}
	for _, a := range r.Allow {
		h.Allow = append(h.Allow, a.String())
	}
	for _, path := range r.Recordings {
		info, err := os.Stat(path)
		if err != nil {
			return h, fmt.Errorf("replay: %w", err)
		}
		h.Bytes += info.Size()
	}
	switch {
	case len(r.Recordings) == 0:
		return h, errors.New("replay: name a recording")
	case r.Permyriad < 1 || r.Permyriad > 10_000:
		return h, fmt.Errorf("replay: a sample of %d in 10,000; write a share above 0 and up to 100 %%", r.Permyriad)
	case r.Parallel < 1 || r.Timeout <= 0 || r.Rate < 0:
		return h, errors.New("replay: parallel and timeout must be above zero, the rate not below")
	}
	return h, nil
}

// targets are candidate and stable.
func (r Replay) targets() (both [2]target, err error) {
	client := outbound.New(outbound.Options{Within: 2 * r.Timeout, Most: 2 * maxAnswer, Conns: 3 * r.Parallel})
	for i, text := range []string{r.Candidate, r.Stable} {
		base, err := parseTarget(text)
		if err != nil {
			return both, fmt.Errorf("replay: %w", err)
		}
		both[i] = target{base, client, r.Timeout, r.Keep}
	}
	return both, nil
}

// requests yields the sampled requests that may be sent, and counts the others.
func (r Replay) requests(run *shadow.Run, bad *shadow.Bad) iter.Seq2[shadow.Record, error] {
	options := r.Read
	options.Progress = &r.Progress.Bytes
	return func(yield func(shadow.Record, error) bool) {
		for rec, err := range recording.Read(r.Recordings, options) {
			switch {
			case err != nil && bad.Note(err):
				continue
			case err != nil:
				yield(shadow.Record{}, err)
				return
			}
			run.Read++
			if !shadow.Sampled(rec.ID, r.Permyriad) {
				continue
			}
			run.Sampled++
			r.Progress.Sampled.Add(1)
			if rec.Request.Method == "" && len(rec.Request.Body) > 0 {
				rec.Request.Method = http.MethodPost
			}
			if why := refused(r.Allow, rec.Request); why != "" {
				r.refuse(run, why)
				continue
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func (r Replay) refuse(run *shadow.Run, why string) {
	run.Refused++
	r.Progress.Refused.Add(1)
	if run.Refused == 1 {
		run.Notes = append(run.Notes, "The first request that was not sent: "+why+".")
	}
}

// exchange sends one request to both. Which of the three goes first changes from request to
// request with its id, so that no version always finds the caches warm.
func (r Replay) exchange(ctx context.Context, targets [2]target, rec shadow.Record) shadow.Pair {
	p := shadow.Pair{ID: rec.ID, TS: rec.TS, Segment: shadow.SegmentOf(r.Segments, &rec)}
	candidate := func() { p.Candidate = targets[0].send(ctx, rec.Request) }
	stable := func() { p.Stable = targets[1].send(ctx, rec.Request) }
	again := func() { a := targets[1].send(ctx, rec.Request); p.Again = &a }
	turns := [][]func(){{candidate, stable, again}, {stable, candidate, again}, {stable, again, candidate}}
	for _, ask := range turns[shadow.HashID(rec.ID)/10_000%3] {
		ask()
	}
	return p
}
