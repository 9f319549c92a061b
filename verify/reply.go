package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
)

// maxSkew is how far the moment of an answer may be from our clock.
const maxSkew = 30 * time.Second

// keptAnswer is how much of a raw answer is kept with a breach or an answer, in
// bytes: incidents live in a store whose values are small.
const keptAnswer = 2 << 10

// A reply is one question with what came back.
type reply struct {
	query     record.Query
	samples   []model.Sample
	problem   string       // why it cannot be used; empty if it can
	state     record.State // NoData or Unreachable if there is a problem
	notFinite bool         // the problem is a NaN or an infinity
	answered  time.Time    // the moment Prometheus answered for; zero if there was no sample
}

// read makes a reply of what the client returned. from and to are the moments between
// which the answer must have been evaluated, by our clock.
func read(q record.Query, value model.Value, warnings promapi.Warnings, err error, from, to time.Time) reply {
	r := reply{query: q}
	if err != nil {
		r.query.Answer = clip(err.Error(), keptAnswer)
		r.state, r.problem = blame(err), clip(err.Error(), 300)
		return r
	}
	r.query.Answer = clip(raw(value, warnings), keptAnswer)
	if err := promapi.Complete(warnings, nil); err != nil {
		return r.refuse(clip(err.Error(), 300))
	}
	if !r.take(value) {
		return r.refuse(fmt.Sprintf("answer is a %s, not a number", kindOf(value)))
	}
	return r.checkClock(from, to)
}

func (r reply) refuse(problem string) reply {
	r.state, r.problem = record.NoData, problem
	return r
}

func (r *reply) take(value model.Value) bool {
	switch v := value.(type) {
	case model.Vector:
		for _, s := range v {
			if s == nil || s.Histogram != nil {
				return false
			}
			r.samples = append(r.samples, *s)
		}
		return true
	case *model.Scalar:
		r.samples = []model.Sample{{Value: v.Value, Timestamp: v.Timestamp}}
		return true
	}
	return false
}

func (r reply) checkClock(from, to time.Time) reply {
	for _, s := range r.samples {
		r.answered = s.Timestamp.Time().UTC()
		if r.answered.Before(from.Add(-maxSkew)) || r.answered.After(to.Add(maxSkew)) {
			return r.refuse(fmt.Sprintf("clock: answered for %s, our clock is %s",
				r.answered.Format(time.RFC3339), to.UTC().Format(time.RFC3339)))
		}
	}
	return r
}

// one returns the reply's only number. A reply without series is false; one with
// several, or with a number that is not finite, turns into a problem.
func (r *reply) one() (float64, bool) {
	if r.problem != "" || len(r.samples) == 0 {
		return 0, false
	}
	if n := len(r.samples); n > 1 {
		*r = r.refuse(fmt.Sprintf("more than one series: %d", n))
		return 0, false
	}
	v := float64(r.samples[0].Value)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		*r = r.refuse(fmt.Sprintf("the value is %v", v))
		r.notFinite = true
		return 0, false
	}
	return v, true
}

// blame tells a question that Prometheus cannot answer (400, 422) from a Prometheus,
// or something in front of it, that does not answer.
func blame(err error) record.State {
	if promapi.Refused(err) || errors.Is(err, errNoQuestion) {
		return record.NoData
	}
	return record.Unreachable
}

var errNoQuestion = errors.New("the runbook gives no such question")

func raw(value model.Value, warnings promapi.Warnings) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	if len(warnings) > 0 {
		return fmt.Sprintf("%s warnings: %q", text, []string(warnings))
	}
	return string(text)
}

func kindOf(value model.Value) string {
	if vector, ok := value.(model.Vector); ok && len(vector) > 0 {
		return "histogram"
	}
	if value == nil {
		return "nothing"
	}
	return value.Type().String()
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + fmt.Sprintf(" … (%d bytes in all)", len(s))
}

// within is ctx ended by the call's own deadline.
func (p *Prometheus) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, p.timeout)
}
