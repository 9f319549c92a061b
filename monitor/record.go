package monitor

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// RecordName is the file of [Monitor.Record] in an evidence folder.
const RecordName = "counts.jsonl.gz"

// recordHead is the first line of a record; each further line is a [Step].
type recordHead struct {
	Schema  int              `json:"schema"`
	Method  string           `json:"method"`
	Runbook *runbook.Runbook `json:"runbook"`
	Release record.Release   `json:"release"`
}

// History counts a release's past anew, from an hour before it got traffic until a moment,
// and hands each interval with its results to f, oldest first.
func (m *Monitor) History(ctx context.Context, t Target, until time.Time, f func(Step, map[string]analysis.Result)) error {
	w := newWatch(m, t, func() {})
	w.each = f
	return w.catchUp(ctx, until.Add(Lag(w.every)))
}

// Record counts a release's past anew. It returns the counts until the end of an interval as
// compressed lines of JSON from which [Recompute] gives the same numbers again, none where
// until is zero, and the curves of all triggers through a later moment. Where an error ends it
// both are what there is until then, the counts only if they are whole.
func (m *Monitor) Record(ctx context.Context, t Target, until, through time.Time) ([]byte, []record.Curve, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	lines := json.NewEncoder(zip)
	var err error
	if !until.IsZero() {
		err = lines.Encode(recordHead{Schema: runbook.Schema, Method: analysis.Method, Runbook: t.Runbook, Release: t.Release})
	}
	w := newWatch(m, t, func() {})
	w.each = func(s Step, _ map[string]analysis.Result) {
		if err == nil && !s.End.After(until) {
			err = lines.Encode(s)
		}
	}
	failed := w.catchUp(ctx, through.Add(Lag(w.every)))
	if failed != nil {
		failed = fmt.Errorf("count %s anew: %w", t.Release.ID, failed)
	}
	if err = errors.Join(err, zip.Close()); err != nil || until.IsZero() || w.end.Before(until) {
		return nil, w.curves(), errors.Join(failed, err)
	}
	return out.Bytes(), w.curves(), failed
}

// A Recomputed is what a record's counts come to.
type Recomputed struct {
	At      time.Time // end of the newest interval
	Method  string    // that the record was made with; another than [analysis.Method] may give other numbers
	Release record.Release
	Results map[string]analysis.Result // by trigger; nil: the release was not judged yet
}

// Recompute reads a record and computes the significance of every trigger anew, at the end
// of its newest interval.
func Recompute(r io.Reader) (Recomputed, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return Recomputed{}, fmt.Errorf("read counts: %w", err)
	}
	lines := json.NewDecoder(bufio.NewReader(zip))
	var head recordHead
	if err := lines.Decode(&head); err != nil {
		return Recomputed{}, fmt.Errorf("read counts: first line: %w", err)
	}
	if head.Schema != runbook.Schema || head.Runbook == nil {
		return Recomputed{}, fmt.Errorf("read counts: schema %d without a runbook is none of ours", head.Schema)
	}
	a, err := analysis.NewRelease(head.Runbook)
	if err != nil {
		return Recomputed{}, fmt.Errorf("read counts: %w", err)
	}
	out := Recomputed{Method: head.Method, Release: head.Release}
	for n := 2; ; n++ {
		var s Step
		if err := lines.Decode(&s); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, fmt.Errorf("read counts: line %d: %w", n, err)
		}
		out.At, out.Results = s.End, s.Judge(a)
	}
}

// sameNumber is how far a significance may be from the one computed anew: scrapes that
// came late count in the interval of their timestamps then.
const sameNumber = 0.05

// Recheck computes the significance of a breach anew from a record, and says whether it is the
// one that was decided on. An error means that the record cannot be read.
func Recheck(counts io.Reader, b record.Breach) (view.Recheck, error) {
	out := view.Recheck{What: "significance"}
	again, err := Recompute(counts)
	if err != nil {
		return out, err
	}
	sig, got := b.Significance, again.Results[b.Trigger].Significance
	out.Known = true
	switch {
	case !again.At.Equal(sig.At):
		out.Text = fmt.Sprintf("its counts end at %s, and the decision was made of %s", again.At, sig.At)
	case sig.Method != analysis.Method:
		out.Known = false
		out.Text = fmt.Sprintf("significance of %s was %.4g by method %s; this program computes it by %s: %.4g", b.Trigger, sig.Value, sig.Method, analysis.Method, got)
	case math.Abs(got-sig.Value) > sameNumber*sig.Value && !(got > 1e300 && sig.Value > 1e300):
		out.Text = fmt.Sprintf("significance of %s was %.4g and comes to %.4g", b.Trigger, sig.Value, got)
	default:
		out.Agrees = true
		out.Text = fmt.Sprintf("significance of %s at %s computed anew: %.4g, as it was decided on (%.4g)", b.Trigger, sig.At.UTC().Format("15:04:05"), got, sig.Value)
	}
	return out, nil
}
