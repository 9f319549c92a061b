// Package join pairs two inference logs of the same hours by request id, over temporary
// files, so that logs may be larger than memory.
//
// It never sends a request and never compares answers.
package join

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
)

// A Join pairs two inference logs of the same hours by request id. Both are first
// spread over temporary files by the id's hash, so that only one small part of them is
// in memory at a time, in whatever order they are.
type Join struct {
	Stable        []string // log files
	Candidate     []string
	StableRead    recording.ReadOptions
	CandidateRead recording.ReadOptions
	Permyriad     int // the sample, of 10,000; 10,000 joins all
	Segments      []shadow.SegmentRule
	Dir           string // for temporary files; the system's folder if empty
	ShowBad       int

	parts int // 0: by the logs' size
}

// partBytes is about how much of a log one part holds; memory is a small multiple.
const partBytes = 16 << 20

// Pairs yields the pairs and fills run by the time they are all read. Of several
// records with one id the first counts. A request that only one log has is counted if
// its time lies in the hours that both logs cover, or is not known.
func (j Join) Pairs(ctx context.Context, run *shadow.Run) iter.Seq2[shadow.Pair, error] {
	return func(yield func(shadow.Pair, error) bool) {
		if err := j.each(ctx, run, func(p shadow.Pair) bool { return yield(p, nil) }); err != nil && !errors.Is(err, errLeft) {
			yield(shadow.Pair{}, fmt.Errorf("join: %w", err))
		}
	}
}

func (j Join) each(ctx context.Context, run *shadow.Run, yield func(shadow.Pair) bool) error {
	dir, err := os.MkdirTemp(j.Dir, "autorollback-join-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	parts := j.parts
	if parts == 0 {
		parts = partsFor(j.Stable, j.Candidate)
	}
	bad := shadow.Bad{Show: j.ShowBad}
	stable, err := j.spill(ctx, dir, "stable", j.Stable, j.StableRead, parts, run, &bad)
	if err != nil {
		return err
	}
	candidate, err := j.spill(ctx, dir, "candidate", j.Candidate, j.CandidateRead, parts, run, &bad)
	if err != nil {
		return err
	}
	run.Bad, run.FirstBad = bad.Count, bad.First
	both := overlap(stable.Window, candidate.Window)
	if both.From.After(both.To) {
		return fmt.Errorf("the logs share no time: stable's end %s, the candidate's begin %s (or the other way round); name logs of the same hours", stable.To.Format(time.RFC3339), candidate.From.Format(time.RFC3339))
	}
	for i := range parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := joinPart(stable.files[i], candidate.files[i], both, run, yield); err != nil {
			return err
		}
	}
	j.finish(run)
	return nil
}

func (j Join) finish(run *shadow.Run) {
	run.Ended = true
	if j.StableRead.Format == recording.CloudEvents || j.CandidateRead.Format == recording.CloudEvents {
		run.Notes = append(run.Notes, "CloudEvents logs hold answers of status 200 only: failures do not show here, take them from the metrics.")
	}
	if run.Unanswered > 0 {
		run.Notes = append(run.Notes, fmt.Sprintf("%d records hold no answer and were left out.", run.Unanswered))
	}
}

func partsFor(logs ...[]string) int {
	var most int64
	for _, paths := range logs {
		var sum int64
		for _, p := range paths {
			if info, err := os.Stat(p); err == nil { // reading it tells more
				sum += info.Size()
			}
		}
		most = max(most, sum)
	}
	return int(min(max(most/partBytes, 1), 256))
}

// overlap is what two windows share; with one that is not known, nothing is known.
func overlap(a, b shadow.Window) shadow.Window {
	if a.From.IsZero() || b.From.IsZero() {
		return shadow.Window{}
	}
	if b.From.After(a.From) {
		a.From = b.From
	}
	if b.To.Before(a.To) {
		a.To = b.To
	}
	return a
}

// holds reports whether a time lies in the window; if one is not known, it may.
func holds(w shadow.Window, at time.Time) bool {
	return w.From.IsZero() || at.IsZero() || !at.Before(w.From) && !at.After(w.To)
}

var errLeft = errors.New("no more is wanted")
