package verify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

const (
	// GoldenQuestion begins Answer.Question of stored predictions.
	GoldenQuestion = "golden predictions"

	goldenWithin  = 5 * time.Second // all of them together
	goldenAtOnce  = 4
	goldenAnswer  = 1 << 20 // bytes
	goldenExample = 3       // cases named in the text
)

// A Predictor asks a service for stored predictions. Its fields are needed.
type Predictor struct {
	Client *http.Client
	// Differs names the fields in which an answer differs from the stored one.
	Differs func(g *runbook.Golden, stored, got []byte) ([]string, error)
}

// Ask posts every stored prediction of the side's version and compares the answers.
// Good: all are as stored. Bad: one differs, or the service refuses one. Unknown: one
// got no answer in time, or the token that the runbook names cannot be read. Where none is stored for the version nothing is asked, and
// the answer is aside.
func (p Predictor) Ask(ctx context.Context, g *runbook.Golden, side record.Side) record.Answer {
	a := record.Answer{Question: GoldenQuestion + " " + side.Version, At: time.Now().UTC()}
	cases := g.Of(side.Version)
	a.Query = record.Query{Name: a.Question, Kind: record.AskedHTTP, Expr: "POST " + g.At(side.Version, side.Backend), At: a.At}
	if len(cases) == 0 {
		a.Aside, a.Health = true, record.Unknown
		a.Text = "no stored predictions for " + side.Version + ": none were asked"
		return a
	}
	token, err := g.Token()
	if err != nil {
		a.Health, a.Text = record.Unknown, clip(err.Error(), 300)
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, goldenWithin)
	defer cancel()
	var t tally
	var all errgroup.Group
	all.SetLimit(goldenAtOnce)
	for _, c := range cases {
		all.Go(func() error {
			t.add(c, p.one(ctx, g, token, side, c))
			return nil
		})
	}
	_ = all.Wait() // what went wrong is in the tally
	a.Value, a.Samples, a.Unit = float64(t.good), float64(len(cases)), "predictions"
	a.Health, a.Text = t.judge(side.Version, len(cases))
	return a
}

// An outcome is one stored prediction's: empty, or what is wrong.
type outcome struct {
	health record.Health
	text   string
}

func (p Predictor) one(ctx context.Context, g *runbook.Golden, token string, side record.Side, c runbook.GoldenCase) outcome {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout.Std())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.At(side.Version, side.Backend), bytes.NewReader([]byte(c.Request)))
	if err != nil {
		return outcome{record.Unknown, err.Error()}
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := p.Client.Do(req)
	if err != nil {
		return outcome{record.Unknown, outbound.Cause(err).Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, goldenAnswer+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return outcome{record.Bad, "is answered " + outbound.Status(resp.StatusCode)}
	case err != nil:
		return outcome{record.Unknown, err.Error()}
	case len(body) > goldenAnswer:
		return outcome{record.Bad, fmt.Sprintf("is answered with more than %d MiB", goldenAnswer>>20)}
	}
	fields, err := p.Differs(g, []byte(c.Answer), body)
	if err != nil {
		return outcome{record.Unknown, err.Error()}
	}
	if len(fields) > 0 {
		return outcome{record.Bad, "differs in " + clip(strings.Join(fields, ", "), 100)}
	}
	return outcome{health: record.Good}
}

// A tally counts outcomes.
type tally struct {
	mu                 sync.Mutex
	good, bad, unknown int
	examples           [2][]string // of bad ones, of unknown ones
}

func (t *tally) add(c runbook.GoldenCase, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := 0
	switch o.health {
	case record.Good:
		t.good++
		return
	case record.Bad:
		t.bad++
	default:
		t.unknown++
		kind = 1
	}
	if len(t.examples[kind]) < goldenExample {
		t.examples[kind] = append(t.examples[kind], fmt.Sprintf("%q %s", clip(c.Name, 60), clip(o.text, 200)))
	}
}

func (t *tally) judge(version string, of int) (record.Health, string) {
	switch {
	case t.bad > 0:
		return record.Bad, fmt.Sprintf("%d of %d stored predictions of %s are answered differently: %s", t.bad, of, version, strings.Join(t.examples[0], "; "))
	case t.unknown > 0:
		return record.Unknown, fmt.Sprintf("cannot tell: %d of %d stored predictions of %s got no answer: %s", t.unknown, of, version, strings.Join(t.examples[1], "; "))
	}
	return record.Good, fmt.Sprintf("all %d stored predictions of %s are answered as stored", of, version)
}
