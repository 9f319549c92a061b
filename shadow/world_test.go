package shadow

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"
)

// A world makes pairs of answers of a ranker: a score that depends on the request,
// three class probabilities, and noise on both when asked again.
type world struct {
	random *rand.Rand
	n      int
	noise  float64                                 // standard deviation of the score's noise; the score's own is 1
	change func(p *Pair, country string, hour int) // what the candidate does otherwise
	drift  func(country string, hour int) float64  // added to the candidate's score
	again  bool
	from   time.Time
}

func newWorld(seed uint64, n int) *world {
	return &world{random: rand.New(rand.NewPCG(seed, 1)), n: n, noise: .05, again: true, from: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

var countries = []string{"AT", "DE", "FR", "PL", "ES"}

func (w *world) pairs() iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		for i := range w.n {
			if !yield(w.pair(i), nil) {
				return
			}
		}
	}
}

// pair i of n, spread evenly over 24 hours. DE is one request in ten.
func (w *world) pair(i int) Pair {
	at := w.from.Add(time.Duration(float64(24*time.Hour) * float64(i) / float64(w.n)))
	country := "DE"
	if u := w.random.IntN(10); u > 0 {
		country = []string{"AT", "FR", "PL", "ES"}[u%4]
	}
	score := w.random.NormFloat64()
	p := Pair{
		ID: "r" + strconv.Itoa(i), TS: at, Segment: map[string]string{"country": country, "client": []string{"ios", "android"}[w.random.IntN(2)]},
		Stable: w.answer(score),
	}
	moved := score
	if w.drift != nil {
		moved += w.drift(country, at.Hour())
	}
	p.Candidate = w.answer(moved)
	if w.again {
		a := w.answer(score)
		p.Again = &a
	}
	if w.change != nil {
		w.change(&p, country, at.Hour())
	}
	return p
}

func (w *world) answer(score float64) Answer {
	s := score + w.noise*w.random.NormFloat64()
	body := make([]byte, 0, 256)
	body = append(body, `{"model_name":"ranker","outputs":[{"name":"score","shape":[1],"datatype":"FP32","data":[`...)
	body = strconv.AppendFloat(body, s, 'g', 8, 64)
	body = append(body, `]},{"name":"prob","shape":[1,3],"datatype":"FP32","data":[`...)
	body = append(body, []string{"0.7,0.2,0.1", "0.2,0.7,0.1", "0.1,0.2,0.7"}[int(max(0, min(2, s+1.5)))]...)
	body = append(body, `]}]}`...)
	return Answer{Status: 200, LatencyMS: 10 + 5*w.random.ExpFloat64(), Body: body}
}

// worldPlan suits the world: the score is noisy, so its tolerance is wide.
func worldPlan() Plan {
	plan := DefaultPlan()
	tolerance := 0.3
	plan.Fields = []FieldRule{
		{Path: "outputs.score[*]", Absolute: &tolerance},
		{Path: "outputs.prob", Compare: byClass},
	}
	plan.Scores = []Score{{Path: "outputs.score[*]"}}
	return plan
}

func mustCompare(plan Plan, pairs iter.Seq2[Pair, error]) *Report {
	r, err := Compare(plan, Subject{"ranker", "sha256:c", "sha256:s"}, pairs, &Run{Ended: true}, Bad{}, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	return r
}

func body(v any) Body {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func (r *Report) told() string {
	out := fmt.Sprintf("%s by %s: %s", r.Verdict, r.Rule, r.Reason)
	for _, f := range r.Findings {
		out += "\n  " + string(f.Verdict) + " " + f.Rule + ": " + f.Text
	}
	return out
}
